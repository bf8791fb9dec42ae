// SPDX-License-Identifier: BSL-1.0
// Forks the laboratory into namespaces, and cleans up after it.
#include "host/guard.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "host/signs.hpp"

namespace crashlab {
namespace {

constexpr int failure_status = 2;
constexpr double stop_max_s = 20;  // for the work to end in order after a signal
constexpr double kill_max_s = 10;  // for a killed one to be gone before the connection is aborted

volatile std::sig_atomic_t stop_wanted = 0;

/// Of this process; without a directory unless it is in a guest.
Signs& signs() {
  static Signs own{std::string()};
  return own;
}

void want_stop(int /*signal*/) {
  stop_wanted = 1;
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

/// The first process of the namespace.
int enter(const RunDir& run_dir, Mounts mounts, int heartbeat,
          const std::function<int(const Guarded&)>& work) {
  if (mounts == Mounts::private_ones) {
    must(::unshare(CLONE_NEWNS), "a mount namespace of one's own");
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
    must(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
         "mount /proc");
  }
  struct sigaction action {};
  action.sa_handler = want_stop;
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set = watched_signals();
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  sigdelset(&set, SIGCHLD);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  return work(Guarded(run_dir, heartbeat));
}

[[noreturn]] void be_work(const RunDir& run_dir, Mounts mounts, int heartbeat, int go,
                          const std::function<int(const Guarded&)>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(failure_status);  // the guard died before the line above
  // Ctrl-C at a terminal is for the guard alone, so the work leaves its group. But a command that
  // shares the terminal with us has to stay in the terminal's foreground group, and so do we.
  if (mounts == Mounts::ours) {
    ::signal(SIGINT, SIG_IGN);
  } else {
    ::setpgid(0, 0);
  }
  int status = failure_status;
  try {
    status = enter(run_dir, mounts, heartbeat, work);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crashlab: %s\n", error.what());
  }
  std::fflush(nullptr);
  ::_exit(status);
}

/// Waits in a session of its own until the guard is gone, and cleans if the guard did not.
void start_janitor(const RunDir& run_dir, int guard_life, int guard_end) {
  const pid_t pid = must(::fork(), "fork");
  if (pid != 0) {
    ::waitpid(pid, nullptr, 0);
    return;
  }
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  ::close(guard_end);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
  char byte = 0;
  while (::read(guard_life, &byte, 1) < 0 && errno == EINTR) {
  }
  if (::access(run_dir.path().c_str(), F_OK) == 0) run_dir.clean();
  ::_exit(0);
}

class Watch {
 public:
  Watch(const RunDir& run_dir, pid_t work, int heartbeat, int signals, double stall_max_s)
      : run_dir_(run_dir),
        work_(work),
        heartbeat_(heartbeat),
        signals_(signals),
        stall_max_s_(stall_max_s) {}

  int until_end() {
    for (;;) {
      int status = 0;
      if (::waitpid(work_, &status, WNOHANG) == work_) return ended(status);
      pollfd polls[2] = {{heartbeat_, POLLIN, 0}, {signals_, POLLIN, 0}};
      if (::poll(polls, heartbeat_ >= 0 ? 2 : 1, 200) < 0 && errno != EINTR) fail_errno("poll");
      if (polls[0].revents != 0) hear();
      if (polls[1].revents != 0) take_signal();
      if (seconds_since(last_beat_) > stall_max_s_) kill("it showed no life for too long");
      if (stopping_ && seconds_since(stop_at_) > stop_max_s) kill("it didn't stop when told to");
      if (killed_ && seconds_since(killed_at_) > kill_max_s) abort_disk();
    }
  }

 private:
  void hear() {
    char beats[256];
    const ssize_t count = ::read(heartbeat_, beats, sizeof beats);
    if (count > 0) last_beat_ = Clock::now();
    if (count == 0) ::usleep(10000);  // it is about to end
  }

  void take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD) return;
    if (stopping_) kill("interrupted twice");
    if (!stopping_) stop_at_ = Clock::now();
    stopping_ = true;
    ::kill(work_, SIGTERM);
  }

  void kill(const char* why) {
    if (killed_) return;
    std::fprintf(stderr, "crashlab: the laboratory was killed: %s\n", why);
    killed_ = true;
    killed_at_ = Clock::now();
    ::kill(work_, SIGKILL);
  }

  void abort_disk() {
    try {
      abort_connection(static_cast<unsigned>(std::stoul(read_file(run_dir_.file("connection")))));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "crashlab: %s\n", error.what());
    }
    killed_at_ = Clock::now();  // it is killed again later, should this not help
  }

  int ended(int status) const {
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (!killed_) {
      std::fprintf(stderr, "crashlab: the laboratory was ended by signal %d\n", WTERMSIG(status));
    }
    return failure_status;
  }

  const RunDir& run_dir_;
  pid_t work_;
  int heartbeat_;
  int signals_;
  double stall_max_s_;
  Clock::time_point last_beat_ = Clock::now();
  bool stopping_ = false;
  Clock::time_point stop_at_;
  bool killed_ = false;
  Clock::time_point killed_at_;
};

}  // namespace

Tick Guarded::tick() const {
  return [this] {
    beat();
    if (stopping()) throw Failure("interrupted");
  };
}

bool Guarded::stopping() {
  return stop_wanted != 0 || signs().is_stop_wanted();
}

void Guarded::say(const std::string& text) {
  signs().give(text);
}

void give_signs_in(const std::string& directory) {
  signs() = Signs(directory);
  signs().give();
}

void Guarded::beat() const {
  signs().give();
  // If the pipe is full, the guard has beats to read: nothing is lost.
  [[maybe_unused]] const ssize_t sent = ::write(heartbeat_, ".", 1);
}

void Guarded::name_connection(const std::string& disk_path) const {
  struct stat status {};
  must(::stat(disk_path.c_str(), &status), "look at the disk");
  write_file(run_dir_.file("connection"), std::to_string(minor(status.st_dev)));
}

int guarded(const std::string& state_dir, Mounts mounts, double stall_max_s,
            const std::function<int(const Guarded&)>& work) {
  if (::geteuid() != 0) {
    throw Failure("it needs root, to mount file systems and attach loop devices");
  }
  const RunDir run_dir(state_dir);
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC), "pipe");
  UniqueFd life(ends[0]);
  const UniqueFd life_end(ends[1]);
  start_janitor(run_dir, life.get(), life_end.get());
  life.reset();

  must(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe");
  const UniqueFd heartbeat(ends[0]);
  UniqueFd beats(ends[1]);
  must(::pipe2(ends, O_CLOEXEC), "pipe");
  UniqueFd go_read(ends[0]);
  UniqueFd go(ends[1]);
  const sigset_t set = watched_signals();
  must(::sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
  const UniqueFd signals(must(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
  std::fflush(nullptr);
  // As fork(), into a new PID namespace; unshare() would bind this process's own children to it.
  const auto pid = static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) {
    const int error = errno;
    run_dir.clean();
    errno = error;
    fail_errno("a PID namespace of one's own");
  }
  if (pid == 0) {
    go.reset();
    // Only the guard may hold this end: when it is closed, the janitor wakes.
    ::close(life_end.get());
    be_work(run_dir, mounts, beats.get(), go_read.get(), work);
  }
  beats.reset();
  go_read.reset();
  write_all(go.get(), "g", "start the laboratory");
  const int status = Watch(run_dir, pid, heartbeat.get(), signals.get(), stall_max_s).until_end();
  run_dir.clean();
  return status;
}

}  // namespace crashlab
