// SPDX-License-Identifier: BSL-1.0
// Starts, watches and ends a command.
#include "host/child.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr std::size_t output_max = 64 << 10;
constexpr int tick_ms = 250;

/// Starts it with both outputs in `output`, in a session of its own, with default signals.
pid_t spawn(const Command& command, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const std::vector<std::string> environment = environment_of(command);
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, command.arguments[0].c_str(), &actions, &attributes,
                     pointers(command.arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  errno = error;
  fail_errno("run " + command.arguments[0]);
}

/// However the wait ends, no process of the command's group outlives it.
struct GroupEnd {
  pid_t group;
  ~GroupEnd() { end_group(group); }
};

}  // namespace

Command Command::shell(const std::string& line) {
  return {{"/bin/sh", "-c", line}, {}};
}

std::string Outcome::story() const {
  std::string text = exit_code > 128 ? "signal " + std::to_string(exit_code - 128)
                                     : "status " + std::to_string(exit_code);
  if (timed_out) text = "it didn't end in time";
  const std::size_t end = output.find_last_not_of(" \n\t");
  if (end != std::string::npos) text += ": " + output.substr(0, end + 1);
  return text;
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> texts;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!command.environment.contains(text.substr(0, text.find('=')))) texts.push_back(text);
  }
  for (const auto& [name, value] : command.environment) {
    texts.emplace_back(name).append("=").append(value);
  }
  return texts;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> found;
  found.reserve(texts.size() + 1);
  for (const std::string& text : texts) found.push_back(const_cast<char*>(text.c_str()));
  found.push_back(nullptr);
  return found;
}

void end_group(pid_t group) {
  ::kill(-group, SIGKILL);
  while (::waitpid(-group, nullptr, WNOHANG) > 0) {
  }
}

bool drain(int fd, std::string& output) {
  char block[4096];
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    output.append(block, static_cast<std::size_t>(count));
    if (output.size() > output_max) output.erase(0, output.size() - output_max);
  }
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Outcome run(const Command& command, const Tick& tick) {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC), "pipe");
  UniqueFd output(ends[0]);
  UniqueFd theirs(ends[1]);
  must(::fcntl(output.get(), F_SETFL, O_NONBLOCK), "fcntl");
  const pid_t pid = spawn(command, theirs.get());
  const GroupEnd group_end{pid};
  theirs.reset();
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  must(process.get(), "pidfd_open");

  Outcome outcome;
  const auto start = Clock::now();
  bool open = true;
  for (;;) {
    pollfd polls[2] = {{process.get(), POLLIN, 0}, {open ? output.get() : -1, POLLIN, 0}};
    if (::poll(polls, 2, tick_ms) < 0 && errno != EINTR) fail_errno("poll");
    if (polls[1].revents != 0) open = drain(output.get(), outcome.output);
    if (polls[0].revents != 0) break;
    if (tick) tick();
    if (seconds_since(start) > command.timeout_s) {
      outcome.timed_out = true;
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);
      break;
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.exit_code = exit_code_of(status);
  ::kill(-pid, SIGKILL);
  drain(output.get(), outcome.output);
  return outcome;
}

}  // namespace crashlab
