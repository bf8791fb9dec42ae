// SPDX-License-Identifier: BSL-1.0
// The seam to time and randomness.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>

namespace perdure {

/// Time and randomness. A seam of its own, so that tests and provers are deterministic.
///
/// Implementations are safe to use from several threads at once.
class PERDURE_API Environment {
 public:
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  virtual ~Environment() = default;

  /// Fills `out` with bytes that another user can't guess (getrandom(2)).
  virtual SysResult<void> random(std::span<std::byte> out) = 0;
  /// A clock that never goes back; for durations only.
  virtual std::chrono::nanoseconds monotonic() = 0;
  /// Time since 1970-01-01 UTC.
  virtual std::chrono::nanoseconds wall() = 0;
  /// Lets other threads run for about `time`; signals do not shorten it. Called between two tries
  /// for a lock, and between the two looks of `clean` at an empty temp.
  virtual void sleep(std::chrono::nanoseconds time) = 0;
};

}  // namespace perdure
