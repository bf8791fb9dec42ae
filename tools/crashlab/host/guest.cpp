// SPDX-License-Identifier: BSL-1.0
// Starts scripts/guest with the laboratory in it, and watches it.
#include "host/guest.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "host/child.hpp"
#include "host/posix.hpp"
#include "host/signs.hpp"

namespace crashlab {
namespace {

constexpr double boot_max_s = 300;  // also for a kernel that has to be fetched first
constexpr double end_max_s = 30;
constexpr int no_guest_status = 125;

volatile std::sig_atomic_t signals_seen = 0;

void count_signal(int /*number*/) {
  signals_seen = signals_seen + 1;
}

/// The script belongs to the sources: an installed laboratory can boot guests only while they are
/// there.
std::string guest_script() {
  if (::access(CRASHLAB_GUEST_SCRIPT, X_OK) == 0) return CRASHLAB_GUEST_SCRIPT;
  throw Failure("scripts/guest, which boots the other kernel, is not where this was built");
}

std::vector<std::string> command_line(const GuestRun& run) {
  std::vector<std::string> words{guest_script(), "--share", run.signs};
  for (const std::string& directory : run.shared) {
    words.insert(words.end(), {"--share", directory});
  }
  words.insert(words.end(), {run.kernel, "--", own_program()});
  words.insert(words.end(), run.words.begin(), run.words.end());
  return words;
}

/// In a session of its own, so that Ctrl-C is for this process alone.
pid_t start(const std::vector<std::string>& words) {
  const pid_t parent = ::getpid();
  const pid_t pid = must(::fork(), "fork");
  if (pid != 0) return pid;
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(no_guest_status);
  for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  ::execv(words[0].c_str(), pointers(words).data());
  ::_exit(no_guest_status);
}

class Watched {
 public:
  Watched(const GuestRun& run, pid_t pid, SignsOfGuest& signs)
      : run_(run),
        pid_(pid),
        process_(must(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open")),
        signs_(signs),
        shown_(run.progress && ::isatty(2) == 1) {}
  ~Watched() {
    if (pid_ > 0) end();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  int until_end() {
    for (;;) {
      pollfd poll{process_.get(), POLLIN, 0};
      if (::poll(&poll, 1, 250) < 0 && errno != EINTR) fail_errno("poll");
      if (poll.revents != 0) break;
      look();
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    clear();
    return exit_code_of(status);
  }

 private:
  void look() {
    const std::string text = signs_.look();
    const bool started = signs_.has_begun();
    if (shown_) {
      const std::string what = started ? text : "Linux " + run_.kernel + " boots";
      std::fprintf(stderr, "\r\033[K%s", what.c_str());
    }
    if (signals_seen > told_) {
      // Before its first sign there is nothing to report.
      if (told_ > 0 || !started) throw Failure("interrupted");
      told_ = signals_seen;
      signs_.stop();
    }
    const double silence_max_s = started ? run_.stall_max_s : boot_max_s;
    if (signs_.seconds_silent() <= silence_max_s) return;
    throw Failure("the guest showed no life for " +
                  std::to_string(static_cast<int>(silence_max_s)) + " s, and was ended");
  }

  void clear() const {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }

  /// The script ends its guest and removes its files.
  void end() {
    clear();
    ::kill(pid_, SIGTERM);
    pollfd poll{process_.get(), POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(end_max_s * 1000)) == 0) ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  const GuestRun& run_;
  pid_t pid_;
  UniqueFd process_;
  SignsOfGuest& signs_;
  bool shown_;
  int told_ = 0;
};

}  // namespace

int run_in_guest(const GuestRun& run) {
  SignsOfGuest signs(run.signs);
  struct sigaction action {};
  action.sa_handler = count_signal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  std::fflush(nullptr);
  const int status = Watched(run, start(command_line(run)), signs).until_end();
  if (status == no_guest_status) throw Failure("there was no guest; the reason is above");
  return status;
}

std::vector<std::string> without_guest(std::vector<std::string> words) {
  const std::string option = "--guest";
  for (auto word = words.begin(); word != words.end() && *word != "--";) {
    const bool alone = *word == option;
    if (!alone && word->rfind(option + "=", 0) != 0) {
      ++word;
      continue;
    }
    word = words.erase(word, alone && word + 1 != words.end() ? word + 2 : word + 1);
  }
  return words;
}

}  // namespace crashlab
