// SPDX-License-Identifier: BSL-1.0
// Time that moves only when a test moves it.
#include <system_error>

#include <perdure/testing/manual_environment.hpp>

namespace perdure::testing {

namespace {
constexpr std::chrono::nanoseconds epoch = std::chrono::seconds(1'000'000'000);
}

SysResult<void> ManualEnvironment::random(std::span<std::byte> out) {
  const std::scoped_lock lock(mutex_);
  if (random_error_ != 0) return std::error_code(random_error_, std::generic_category());
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) {  // SplitMix64 (Steele, Lea, Flood 2014): full period, any seed will do
      word = (state_ += 0x9e3779b97f4a7c15U);
      word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
      word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
      word ^= word >> 31U;
    }
    out[i] = static_cast<std::byte>(word & 0xffU);
    word >>= 8U;
  }
  return success();
}

std::chrono::nanoseconds ManualEnvironment::monotonic() {
  const std::scoped_lock lock(mutex_);
  return now_;
}

std::chrono::nanoseconds ManualEnvironment::wall() {
  const std::scoped_lock lock(mutex_);
  return epoch + now_;
}

void ManualEnvironment::sleep(std::chrono::nanoseconds time) {
  const std::scoped_lock lock(mutex_);
  now_ += time;
  ++sleeps_;
}

void ManualEnvironment::advance(std::chrono::nanoseconds time) {
  const std::scoped_lock lock(mutex_);
  now_ += time;
}

void ManualEnvironment::fail_random(int error) {
  const std::scoped_lock lock(mutex_);
  random_error_ = error;
}

std::uint64_t ManualEnvironment::sleeps() const {
  const std::scoped_lock lock(mutex_);
  return sleeps_;
}

}  // namespace perdure::testing
