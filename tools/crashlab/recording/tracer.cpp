// SPDX-License-Identifier: BSL-1.0
// Stops a workload at its system calls by ptrace(2).
#include "recording/tracer.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <set>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/posix.hpp"
#include "recording/watched_calls.hpp"

namespace crashlab {
namespace {

constexpr unsigned long trace_options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP |
                                        PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                        PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

/// The child's side: waits to be traced, then becomes the command.
[[noreturn]] void become(const Command& command, int output, int go) {
  const std::vector<std::string> environment = environment_of(command);
  std::vector<sock_filter> filter = watch_filter();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
  ::setsid();
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(127);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("crashlab: seccomp");
    ::_exit(126);
  }
  ::execvpe(command.arguments[0].c_str(), pointers(command.arguments).data(),
            pointers(environment).data());
  std::perror(command.arguments[0].c_str());
  ::_exit(127);
}

std::string mount_of(const std::string& fdinfo) {
  try {
    const std::string text = read_file(fdinfo);
    const std::size_t at = text.find("mnt_id:");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  } catch (const Failure&) {
    return "";  // the descriptor is closed: the call will fail
  }
}

class Tracer {
 public:
  Tracer(pid_t root, std::string mount, const std::function<void()>& step)
      : root_(root), mount_(std::move(mount)), step_(step) {
    tracees_.insert(root);
  }

  /// Handles all that happened; returns false when the command has ended.
  bool serve() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
      if (WIFSTOPPED(status)) {
        tracees_.insert(pid);
        stopped(pid, status);
        continue;
      }
      tracees_.erase(pid);
      if (pid == root_) exit_code_ = exit_code_of(status);
    }
    return exit_code_ < 0;
  }

  /// Ends the command and all that it left.
  void end() {
    const auto start = Clock::now();
    while (!tracees_.empty() && seconds_since(start) < 10) {
      for (const pid_t pid : tracees_) ::kill(pid, SIGKILL);
      serve();
      ::usleep(1000);
      std::erase_if(tracees_, [](pid_t pid) { return ::kill(pid, 0) != 0; });
    }
  }

  int exit_code() const { return exit_code_; }

 private:
  void stopped(pid_t pid, int status) {
    const int event = status >> 16;
    const int number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) {
      if (changes_mount(pid)) step_();
      ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    } else if (event == PTRACE_EVENT_STOP &&
               (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)) {
      ::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);
    } else {
      const long passed_on = event == 0 ? number : 0;
      ::ptrace(PTRACE_CONT, pid, nullptr, passed_on);
    }
  }

  bool changes_mount(pid_t pid) const {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return false;
    const int argument = changed_fd_argument(info.seccomp.nr);
    if (argument < 0) return true;
    const auto fd = static_cast<int>(info.seccomp.args[argument]);
    return mount_of("/proc/" + std::to_string(pid) + "/fdinfo/" + std::to_string(fd)) == mount_;
  }

  pid_t root_;
  std::string mount_;
  const std::function<void()>& step_;
  std::set<pid_t> tracees_;
  int exit_code_ = -1;
};

}  // namespace

Outcome run_traced(const Command& command, const std::string& mount_point,
                   const std::function<void()>& step, const Tick& tick) {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe");
  const UniqueFd output(ends[0]);
  UniqueFd theirs(ends[1]);
  must(::fcntl(theirs.get(), F_SETFL, 0), "fcntl");
  must(::pipe2(ends, O_CLOEXEC), "pipe");
  UniqueFd wait(ends[0]);
  const UniqueFd go(ends[1]);
  std::string mount;
  {
    const UniqueFd root(
        must(::open(mount_point.c_str(), O_PATH | O_CLOEXEC), "open " + mount_point));
    mount = mount_of("/proc/self/fdinfo/" + std::to_string(root.get()));
  }

  const pid_t pid = must(::fork(), "fork");
  if (pid == 0) become(command, theirs.get(), wait.get());
  theirs.reset();
  wait.reset();
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, trace_options) != 0) {
    const int error = errno;
    end_group(pid);
    errno = error;
    fail_errno("trace the workload (noise needs ptrace)");
  }
  write_all(go.get(), "g", "start the workload");

  Tracer tracer(pid, mount, step);
  Outcome outcome;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const auto start = Clock::now();
  while (tracer.serve()) {
    const timespec quarter{0, 250'000'000};
    ::sigtimedwait(&child, nullptr, &quarter);
    drain(output.get(), outcome.output);
    if (tick) tick();
    if (seconds_since(start) > command.timeout_s) {
      outcome.timed_out = true;
      break;
    }
  }
  tracer.end();
  outcome.exit_code = std::max(tracer.exit_code(), outcome.timed_out ? 128 : 0);
  drain(output.get(), outcome.output);
  return outcome;
}

}  // namespace crashlab
