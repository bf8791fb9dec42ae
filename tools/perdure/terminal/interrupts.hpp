// SPDX-License-Identifier: BSL-1.0
// Holds back signals that would end the program, and reports them.
#pragma once

#include <csignal>
#include <optional>

#include <perdure/error.hpp>

namespace perdure::cli {

/// Holds SIGINT, SIGTERM and SIGHUP back while it lives. So a signal ends the program where it can
/// still discard, and never between a publish and its report. A signal that was ignored when the
/// program started (nohup) stays ignored. For the main thread, one at a time.
class Interrupts {
 public:
  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  /// Waits until `descriptor` has something to read (its end included). The signal's number if
  /// one came instead, or came before.
  SysResult<std::optional<int>> wait_readable(int descriptor);
  /// A signal that came and was not returned yet; does not wait.
  SysResult<std::optional<int>> pending();

  /// Ends the program by `signal`, as if it had never been held back.
  [[noreturn]] void die(int signal);

 private:
  SysResult<std::optional<int>> poll(int descriptor, int timeout_ms);

  sigset_t before_{};
  int descriptor_ = -1;
};

}  // namespace perdure::cli
