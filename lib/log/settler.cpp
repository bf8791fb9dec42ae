// SPDX-License-Identifier: BSL-1.0
// Waits for a change, then as long as was asked for, then settles.
#include "log/settler.hpp"

#include <utility>

namespace perdure {

Settler::Settler(std::chrono::milliseconds after, std::function<void()> settle)
    : after_(after), settle_(std::move(settle)), thread_([this] { run(); }) {}

void Settler::stop() {
  const std::lock_guard one(stopping_);
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Settler::changed() {
  {
    const std::lock_guard lock(mutex_);
    changed_ = true;
  }
  news_.notify_one();
}

void Settler::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    news_.wait(lock, [this] { return changed_ || ended_; });
    if (ended_) return;
    if (news_.wait_for(lock, after_, [this] { return ended_; })) return;
    changed_ = false;
    lock.unlock();
    settle_();
    lock.lock();
  }
}

}  // namespace perdure
