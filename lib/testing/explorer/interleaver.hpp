// SPDX-License-Identifier: BSL-1.0
// Several threads of which one runs at a time, in an order that is written down.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include <perdure/system/environment.hpp>

namespace perdure::testing {

/// How many calls an actor makes before the next actor's turn; at the end each goes on until it is
/// done. {3, 5}: the first makes 3 calls, the second 5, then the first goes to its end.
using Schedule = std::vector<std::size_t>;

class Interleaver {
 public:
  explicit Interleaver(Schedule schedule) : schedule_(std::move(schedule)) {}

  /// Runs the actors, each on a thread of its own, until all are done.
  void run(const std::vector<std::function<void()>>& actors);
  /// Called by an actor before each call: waits until it is its turn.
  void before_call();
  /// Called by an actor that has to wait for another: the turn goes on.
  void wait();
  /// How many calls each actor made.
  [[nodiscard]] const std::vector<std::size_t>& calls() const noexcept { return calls_; }

 private:
  void pass_on();
  [[nodiscard]] std::size_t me() const;

  Schedule schedule_;
  std::size_t phase_ = 0;     // of the schedule
  std::size_t in_phase_ = 0;  // calls made in it
  std::size_t turn_ = 0;
  std::vector<bool> done_;
  std::vector<std::size_t> calls_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// An environment in which sleeping lets the other actors run.
class InterleavedEnvironment final : public Environment {
 public:
  InterleavedEnvironment(Environment& base, Interleaver& interleaver)
      : base_(base), interleaver_(interleaver) {}
  SysResult<void> random(std::span<std::byte> out) override { return base_.random(out); }
  std::chrono::nanoseconds monotonic() override { return base_.monotonic(); }
  std::chrono::nanoseconds wall() override { return base_.wall(); }
  void sleep(std::chrono::nanoseconds time) override {
    base_.sleep(time);
    interleaver_.wait();
  }

 private:
  Environment& base_;
  Interleaver& interleaver_;
};

}  // namespace perdure::testing
