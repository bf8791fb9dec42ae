// SPDX-License-Identifier: BSL-1.0
// Blocks signals, and tells when one came.
#include "terminal/interrupts.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace perdure::cli {

namespace {

std::error_code last_error() {
  return {errno, std::generic_category()};
}

/// The signals that would end the program. Linux queues even an ignored signal while it is blocked,
/// so a signal that was ignored from the start must not be blocked.
sigset_t held_signals() {
  sigset_t set{};
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    const bool known = ::sigaction(signal, nullptr, &action) == 0;
    if (known && action.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Interrupts::Interrupts() {
  const sigset_t held = held_signals();
  pthread_sigmask(SIG_BLOCK, &held, &before_);
  descriptor_ = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
  // Without the descriptor we could not see a signal: let signals do what they always do.
  if (descriptor_ < 0) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Interrupts::~Interrupts() {
  if (descriptor_ >= 0) ::close(descriptor_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

SysResult<std::optional<int>> Interrupts::wait_readable(int descriptor) {
  return poll(descriptor, -1);
}

SysResult<std::optional<int>> Interrupts::pending() {
  return poll(-1, 0);
}

SysResult<std::optional<int>> Interrupts::poll(int descriptor, int timeout_ms) {
  std::array<pollfd, 2> watched = {pollfd{descriptor_, POLLIN, 0}, pollfd{descriptor, POLLIN, 0}};
  while (::poll(watched.data(), watched.size(), timeout_ms) < 0) {
    if (errno != EINTR) return last_error();
  }
  if ((watched[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (::read(descriptor_, &info, sizeof info) == sizeof info) {
      return std::optional<int>(static_cast<int>(info.ssi_signo));
    }
  }
  return std::optional<int>{};
}

void Interrupts::die(int signal) {
  sigset_t only{};
  sigemptyset(&only);
  sigaddset(&only, signal);
  std::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  (void)::raise(signal);
  std::_Exit(128 + signal);  // not reached: the default of each held signal ends the program
}

}  // namespace perdure::cli
