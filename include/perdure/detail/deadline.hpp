// SPDX-License-Identifier: BSL-1.0
// The end of a wait that has a timeout.
#pragma once

#include <chrono>
#include <optional>

namespace perdure::detail {

/// The time at which a wait that begins now is over. Empty: never, since the timeout is longer than
/// nanoseconds can count.
inline std::optional<std::chrono::steady_clock::time_point> deadline_in(
    std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const auto now = steady_clock::now();
  const auto left = std::chrono::floor<milliseconds>(steady_clock::time_point::max() - now);
  if (timeout >= left) return std::nullopt;
  return now + timeout;
}

}  // namespace perdure::detail
