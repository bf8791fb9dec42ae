// SPDX-License-Identifier: BSL-1.0
// A coarse clock that goes on when somebody waits for it.
#pragma once

#include <chrono>
#include <span>

#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

namespace perdure::test {

/// All changes to the disk fall into one tick, until a program sleeps.
class TickingEnvironment final : public Environment {
 public:
  /// Stops the clock of `disk`, which must outlive this.
  explicit TickingEnvironment(testing::SimulatedFileSystem& disk) : disk_(disk) {
    disk.stop_clock();
  }
  SysResult<void> random(std::span<std::byte> out) override { return base_.random(out); }
  std::chrono::nanoseconds monotonic() override { return base_.monotonic(); }
  std::chrono::nanoseconds wall() override { return base_.wall(); }
  void sleep(std::chrono::nanoseconds time) override {
    base_.sleep(time);
    disk_.pass_tick();
  }
  [[nodiscard]] std::uint64_t sleeps() const { return base_.sleeps(); }

 private:
  testing::SimulatedFileSystem& disk_;
  testing::ManualEnvironment base_;
};

}  // namespace perdure::test
