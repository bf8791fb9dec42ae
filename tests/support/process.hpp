// SPDX-License-Identifier: BSL-1.0
// Child processes: forks of the test that do one thing.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <dirent.h>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <grp.h>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "support/program.hpp"

namespace perdure::test {

/// A fork of this process that runs a function and ends. Killed and awaited when it is dropped. The
/// parent can read the function's result; assertions of the test framework don't work in it. Fork
/// before starting threads.
class Child {
 public:
  explicit Child(const std::function<std::string()>& work) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      ::close(ends[0]);
      std::string said;
      try {
        said = work();
      } catch (const std::exception& thrown) {
        said = std::string("exception: ") + thrown.what();
      }
      (void)!::write(ends[1], said.data(), said.size());
      ::_exit(0);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), from_(std::exchange(other.from_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    if (from_ >= 0) ::close(from_);
  }

  void kill(int signal = SIGKILL) const { ::kill(pid_, signal); }
  /// Returns when it has stopped; `resume` lets it go on.
  void stop() const {
    kill(SIGSTOP);
    while (::waitpid(pid_, nullptr, WUNTRACED) < 0 && errno == EINTR) {
    }
  }
  void resume() const { kill(SIGCONT); }
  /// Awaits its end: the exit status, or the signal's number negated.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  /// Awaits its end and returns what its function returned, or how it died.
  std::string said() {
    std::string text;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while ((got = ::read(from_, block.data(), block.size())) != 0) {
      if (got < 0 && errno != EINTR) break;
      if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
    }
    const int status = wait();
    return status == 0 ? text : text + " (status " + std::to_string(status) + ")";
  }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
};

inline constexpr uid_t nobody = 65534;

inline bool is_root() {
  return ::geteuid() == 0;
}

/// Runs `work` in a process of another user and group, without further groups; needs root.
inline std::string as_user(uid_t user, const std::function<std::string()>& work) {
  Child child([&]() -> std::string {
    if (::setgroups(0, nullptr) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0) {
      return "can't become user " + std::to_string(user);
    }
    return work();
  });
  return child.said();
}

/// The descriptors of this process, to be compared.
inline std::size_t descriptors_open() {
  DIR* const directory = ::opendir("/proc/self/fd");
  std::size_t count = 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

}  // namespace perdure::test
