// SPDX-License-Identifier: BSL-1.0
// Runs threads one at a time, in an order that is chosen.
#include "testing/explorer/interleaver.hpp"

#include <algorithm>
#include <thread>

namespace perdure::testing {

namespace {
thread_local std::size_t actor_number = 0;
}

std::size_t Interleaver::me() const {
  return actor_number;
}

void Interleaver::run(const std::vector<std::function<void()>>& actors) {
  done_.assign(actors.size(), false);
  calls_.assign(actors.size(), 0);
  std::vector<std::thread> threads;
  threads.reserve(actors.size());
  for (std::size_t i = 0; i < actors.size(); ++i) {
    threads.emplace_back([this, i, &actors] {
      actor_number = i;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return turn_ == i; });
      }
      actors[i]();
      const std::scoped_lock lock(mutex_);
      done_[i] = true;
      pass_on();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void Interleaver::pass_on() {
  ++phase_;
  in_phase_ = 0;
  for (std::size_t step = 1; step <= done_.size(); ++step) {
    const std::size_t next = (turn_ + step) % done_.size();
    if (!done_[next]) {
      turn_ = next;
      break;
    }
  }
  changed_.notify_all();
}

void Interleaver::before_call() {
  std::unique_lock lock(mutex_);
  if (phase_ < schedule_.size() && in_phase_ >= schedule_[phase_]) {
    pass_on();
    changed_.wait(lock, [&] { return turn_ == me(); });
  }
  ++in_phase_;
  ++calls_[me()];
}

void Interleaver::wait() {
  std::unique_lock lock(mutex_);
  pass_on();
  changed_.wait(lock, [&] { return turn_ == me(); });
}

}  // namespace perdure::testing
