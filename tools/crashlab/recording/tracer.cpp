// SPDX-License-Identifier: BSL-1.0
// Stops a workload at its system calls by ptrace(2).
#include "recording/tracer.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <map>
#include <optional>
#include <set>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "host/posix.hpp"
#include "recording/watched_calls.hpp"

namespace crashlab {
namespace {

constexpr unsigned long trace_options =
    PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;

/// Whether another thread may have to act before this call ends: then nobody waits for its end.
bool may_wait(std::uint64_t call) {
  return call == SYS_splice || call == SYS_sendfile || call == SYS_io_uring_enter;
}

/// The child's side: waits to be traced, then becomes the command.
[[noreturn]] void become(const Command& command, bool mappings, int output, int go) {
  const std::vector<std::string> environment = environment_of(command);
  std::vector<sock_filter> filter = watch_filter(mappings);
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
  Tracer(pid_t root, std::string mount, const std::function<void()>& step, CallWatcher* watcher)
      : root_(root), mount_(std::move(mount)), step_(step), watcher_(watcher) {
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
      forget(pid);
      if (pid == root_) exit_code_ = exit_code_of(status);
    }
    return exit_code_ < 0;
  }

  /// Ends the command and all processes that it left.
  void end() {
    ending_ = true;
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
      called(pid);
    } else if (event == 0 && number == (SIGTRAP | 0x80)) {
      returned(pid);
    } else if (event == PTRACE_EVENT_STOP &&
               (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)) {
      ::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);
    } else {
      const long passed_on = event == 0 ? number : 0;
      ::ptrace(PTRACE_CONT, pid, nullptr, passed_on);
    }
  }

  void called(pid_t pid) {
    const std::optional<Call> call = call_of(pid);
    if (!call || !changes_mount(*call)) {
      ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    } else if (watcher_ == nullptr) {
      step_();
      ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    } else {
      waiting_.push_back(*call);
      admit();
    }
  }

  /// Lets waiting threads make their calls, as long as no call is under way.
  void admit() {
    while (inside_ == 0 && !waiting_.empty()) {
      const Call call = waiting_.front();
      waiting_.pop_front();
      watcher_->before(call);
      if (!may_wait(call.number)) inside_ = call.thread;
      calls_[call.thread] = call;
      ::ptrace(PTRACE_SYSCALL, call.thread, nullptr, nullptr);
    }
  }

  void returned(pid_t pid) {
    __ptrace_syscall_info info{};
    const auto call = calls_.find(pid);
    if (call != calls_.end() && ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_EXIT) {
      watcher_->after(call->second, info.exit.rval);
      calls_.erase(call);
    }
    if (inside_ == pid) inside_ = 0;
    ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    admit();
  }

  void forget(pid_t pid) {
    tracees_.erase(pid);
    calls_.erase(pid);
    std::erase_if(waiting_, [&](const Call& call) { return call.thread == pid; });
    if (inside_ == pid) inside_ = 0;
    if (watcher_ != nullptr && !ending_) admit();
  }

  static std::optional<Call> call_of(pid_t pid) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return std::nullopt;
    Call call{pid, info.seccomp.nr, {}};
    std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args), call.arguments.begin());
    return call;
  }

  bool changes_mount(const Call& call) const {
    const int argument = changed_fd_argument(call.number);
    if (argument < 0) return true;
    const auto fd = static_cast<int>(call.arguments[static_cast<std::size_t>(argument)]);
    return mount_of("/proc/" + std::to_string(call.thread) + "/fdinfo/" + std::to_string(fd)) ==
           mount_;
  }

  pid_t root_;
  std::string mount_;
  const std::function<void()>& step_;
  CallWatcher* watcher_;
  std::set<pid_t> tracees_;
  std::deque<Call> waiting_;     ///< stopped before their calls
  std::map<pid_t, Call> calls_;  ///< under way
  pid_t inside_ = 0;             ///< the thread whose call all others wait for
  bool ending_ = false;
  int exit_code_ = -1;
};

Outcome trace(const Command& command, const std::string& mount_point,
              const std::function<void()>& step, CallWatcher* watcher, const Tick& tick) {
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
  if (pid == 0) become(command, watcher != nullptr, theirs.get(), wait.get());
  theirs.reset();
  wait.reset();
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, trace_options) != 0) {
    const int error = errno;
    end_group(pid);
    errno = error;
    fail_errno("trace the workload (noise needs ptrace)");
  }
  write_all(go.get(), "g", "start the workload");

  Tracer tracer(pid, mount, step, watcher);
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

}  // namespace

Outcome run_traced(const Command& command, const std::string& mount_point,
                   const std::function<void()>& step, const Tick& tick) {
  return trace(command, mount_point, step, nullptr, tick);
}

Outcome run_watched(const Command& command, const std::string& mount_point, CallWatcher& watcher,
                    const Tick& tick) {
  return trace(command, mount_point, {}, &watcher, tick);
}

}  // namespace crashlab
