// SPDX-License-Identifier: BSL-1.0
// Time and randomness that a test decides.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <perdure/detail/export.hpp>
#include <perdure/system/environment.hpp>

namespace perdure::testing {

/// Time that passes only when a test says so, and random numbers that a seed decides. Two runs with
/// the same seed see the same names and the same times.
///
/// Safe to use from several threads (their order then decides who gets which number).
class PERDURE_TESTING_API ManualEnvironment final : public Environment {
 public:
  /// Starts at 2001-09-09 01:46:40 UTC.
  explicit ManualEnvironment(std::uint64_t seed = 1) noexcept : state_(seed) {}

  SysResult<void> random(std::span<std::byte> out) override;
  std::chrono::nanoseconds monotonic() override;
  std::chrono::nanoseconds wall() override;
  /// Returns at once; `time` has passed on both clocks.
  void sleep(std::chrono::nanoseconds time) override;

  /// Lets time pass.
  void advance(std::chrono::nanoseconds time);
  /// Makes `random` fail with this errno from now on; 0 heals it.
  void fail_random(int error);
  /// How often `sleep` was called.
  [[nodiscard]] std::uint64_t sleeps() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t state_;
  std::chrono::nanoseconds now_{};
  int random_error_ = 0;
  std::uint64_t sleeps_ = 0;
};

}  // namespace perdure::testing
