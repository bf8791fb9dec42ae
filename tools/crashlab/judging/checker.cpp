// SPDX-License-Identifier: BSL-1.0
// Runs the checker for each state, or asks its server.
#include "judging/checker.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

class CommandChecker : public Checker {
 public:
  CommandChecker(Command command, Tick tick)
      : command_(std::move(command)), tick_(std::move(tick)) {}

  Verdict check() override {
    const Outcome outcome = run(command_, tick_);
    if (outcome.good()) return {true, ""};
    if (outcome.exit_code == 126 || outcome.exit_code == 127) {
      throw Failure("the checker can't be run: " + outcome.story());
    }
    return {false, outcome.story()};
  }

 private:
  Command command_;
  Tick tick_;
};

class ServerChecker : public Checker {
 public:
  ServerChecker(Command command, Tick tick)
      : command_(std::move(command)), tick_(std::move(tick)) {}
  ~ServerChecker() override { stop(); }

  Verdict check() override {
    if (pid_ <= 0) start();
    const std::string line = "check " + std::to_string(++count_) + "\n";
    if (::send(wire_.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size())) {
      return ended();
    }
    return answer();
  }

 private:
  Verdict answer() {
    const auto start = Clock::now();
    std::string reply;
    while (reply.find('\n') == std::string::npos) {
      pollfd poll{wire_.get(), POLLIN, 0};
      if (::poll(&poll, 1, 250) < 0 && errno != EINTR) fail_errno("poll");
      if (poll.revents != 0 && !drain(wire_.get(), reply) &&
          reply.find('\n') == std::string::npos) {
        return ended();
      }
      if (tick_) tick_();
      if (seconds_since(start) > command_.timeout_s) {
        stop();
        return {false, "the check server didn't answer in time"};
      }
    }
    reply.erase(reply.find('\n'));
    if (reply == "good") return {true, ""};
    if (reply.rfind("bad", 0) != 0) {
      throw Failure("the check server answers neither \"good\" nor \"bad\": " + reply);
    }
    return {false, reply.size() > 4 ? reply.substr(4) : "no reason given"};
  }

  /// The checker has one socket, so that its end shows as the end of the file.
  void start() {
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
    wire_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    must(::fcntl(wire_.get(), F_SETFL, O_NONBLOCK), "fcntl");
    const std::vector<std::string> environment = environment_of(command_);
    pid_ = must(::fork(), "fork");
    if (pid_ != 0) return;
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE}) ::signal(number, SIG_DFL);
    ::setsid();
    ::dup2(theirs.get(), 0);
    ::dup2(theirs.get(), 1);
    ::execvpe(command_.arguments[0].c_str(), pointers(command_.arguments).data(),
              pointers(environment).data());
    ::_exit(127);
  }

  Verdict ended() {
    int status = 0;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    stop();
    const int code = exit_code_of(status);
    if (code == 126 || code == 127) throw Failure("the check server can't be run");
    return {false, "the check server ended: " + Outcome{code, false, ""}.story()};
  }

  void stop() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      end_group(pid_);
    }
    pid_ = -1;
    wire_.reset();
  }

  Command command_;
  Tick tick_;
  pid_t pid_ = -1;
  UniqueFd wire_;
  std::uint64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Checker> command_checker(Command command, Tick tick) {
  return std::make_unique<CommandChecker>(std::move(command), std::move(tick));
}

std::unique_ptr<Checker> server_checker(Command command, Tick tick) {
  return std::make_unique<ServerChecker>(std::move(command), std::move(tick));
}

}  // namespace crashlab
