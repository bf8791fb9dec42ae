// SPDX-License-Identifier: BSL-1.0
// A thread that settles a log when nobody else does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace perdure {

/// Settles a while after the first change that is not settled. It belongs to the process that made
/// it: in a forked child it may not even be destroyed.
class Settler {
 public:
  /// `settle` runs on this thread, and may call `changed`.
  Settler(std::chrono::milliseconds after, std::function<void()> settle);
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;
  ~Settler() { stop(); }

  /// Waits for a settling that has begun, and lets no other begin. Idempotent.
  void stop();

  /// Call it for the first change after a settling.
  void changed();

 private:
  void run();

  const std::chrono::milliseconds after_;
  const std::function<void()> settle_;
  std::mutex mutex_;
  std::condition_variable news_;
  bool changed_ = false;
  bool ended_ = false;
  std::mutex stopping_;
  std::thread thread_;  ///< Last: it uses the others.
};

}  // namespace perdure
