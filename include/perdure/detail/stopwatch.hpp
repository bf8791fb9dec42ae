// SPDX-License-Identifier: BSL-1.0
// Measures the stages of a commit, for its receipt.
#pragma once

#include <chrono>
#include <utility>

#include <perdure/system/environment.hpp>

namespace perdure::detail {

/// Measures steps that follow each other. One thread at a time.
class Stopwatch {
 public:
  /// Starts it. `environment` must outlive it.
  explicit Stopwatch(Environment& environment)
      : environment_(environment), begin_(environment.monotonic()) {}

  /// The time since the start or the last lap; the next lap begins now.
  std::chrono::nanoseconds lap() {
    const auto now = environment_.monotonic();
    return now - std::exchange(begin_, now);
  }

 private:
  Environment& environment_;
  std::chrono::nanoseconds begin_;
};

}  // namespace perdure::detail
