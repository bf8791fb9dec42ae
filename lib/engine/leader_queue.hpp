// SPDX-License-Identifier: BSL-1.0
// The queue of callers who share a flush: they wait, one of them leads and serves all.
//
// The life of an arrival, one call of join():
//
//   join() --> outside --admit()--> waiting --next_group()--> in a group --lead()--> done
//      |          |
//      +--closed--+--refuse()--> refused
//
// The life of the group's leader; all but serve() happens under the mutex:
//
//   nobody leads --lead()--> gather() --> next_group() --> serve() --> tell its callers
//        ^                                                                    |
//        +--------------------------------------------------------------------+
//
// Invariants whenever the mutex is free:
//
//   G1  At most one thread leads: `leading` is set before gather() gives the mutex back, and only
//       the leader clears it. With a committer thread nobody but that thread leads.
//   G2  An arrival is in one queue, or in the leader's group, until it is done or refused. Its
//       caller sleeps until then or leads, so the arrival on the caller's stack outlives the queue.
//       Therefore nothing between a push and the end may throw.
//   G3  Order: callers enter `waiting`, and groups, in the order in which they came. Somebody is
//       outside only while `waiting` is full.
//   G4  Nobody sleeps forever: if somebody waits and nobody leads, the first in `waiting` (or the
//       committer thread) has been woken. Only a leader takes from `waiting`, and wakes the next.
//   G5  Without a committer thread, the leader's own arrival is the first of its group. An arrival
//       that is larger than a group is alone in its group.
//   G6  Once `closed` is set under the mutex nobody comes in, and nobody is outside. Callers in
//       `waiting` are still served; close() returns when `waiting` is empty and nobody leads.
//
// In a forked child none of this holds: nobody there touches the mutex or the queues.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace perdure {

/// One caller's errand; lives on its stack until it is done. Stands in one queue at a time.
struct Arrival {
  explicit Arrival(std::size_t commit_count) : commits(commit_count) {}

  std::size_t commits;
  std::condition_variable changed{};
  bool done = false;
  bool refused = false;
  Arrival* next = nullptr;
};

/// Callers in the order of arrival. Owns nothing and allocates nothing, so that there is always
/// memory to leave it.
class ArrivalQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t commits() const noexcept { return commits_; }
  [[nodiscard]] Arrival* front() const noexcept { return first_; }

  void push(Arrival& arrival) noexcept;
  Arrival& pop() noexcept;

 private:
  Arrival* first_ = nullptr;
  Arrival* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t commits_ = 0;
};

class LeaderQueue {
 public:
  struct Limits {
    std::size_t group_size_max;  ///< Commits; a larger arrival is alone in its group.
    std::size_t waiting_max;     ///< Callers; more of them wait outside.
  };
  /// Does the errands of a group, on the leader's thread. Throws nothing.
  using Serve = std::function<void(const ArrivalQueue& group)>;

  LeaderQueue(Limits limits, Serve serve);
  LeaderQueue(const LeaderQueue&) = delete;
  LeaderQueue& operator=(const LeaderQueue&) = delete;
  /// Callers are gone, and a committer thread has ended.
  ~LeaderQueue() = default;

  /// A thread that leads from now on, in the place of callers.
  void start_committer();
  /// Brings the arrival through a group; false when the queue was closed.
  bool join(Arrival& arrival) noexcept;
  /// Serves those who wait, refuses those outside, and ends the committer thread.
  void close();
  /// For a forked child, which must not touch the mutex: refuses from now on.
  void close_in_child() noexcept { closed_ = true; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

  struct Counts {
    std::uint64_t commits = 0;  ///< Served.
    std::uint64_t groups = 0;
    std::uint64_t waiting = 0;  ///< Commits.
    std::uint64_t outside = 0;  ///< Callers.
  };
  [[nodiscard]] Counts counts() const;

 private:
  void gather(std::unique_lock<std::mutex>& lock) noexcept;
  ArrivalQueue next_group() noexcept;
  void lead(std::unique_lock<std::mutex>& lock) noexcept;
  void run_committer();
  void admit() noexcept;
  void refuse() noexcept;

  const Limits limits_;
  const Serve serve_;
  mutable std::mutex mutex_;
  std::condition_variable work_;  // the committer thread has something to do
  std::condition_variable idle_;  // nothing waits any more
  std::condition_variable more_;  // as many wait as the leader would like to have
  ArrivalQueue waiting_;
  ArrivalQueue outside_;    // until there is room
  std::size_t wanted_ = 0;  // commits that the leader waits for
  bool leading_ = false;
  std::atomic<bool> closed_ = false;
  bool has_committer_ = false;
  std::size_t last_size_ = 0;  // of the last group, and how long it took
  std::chrono::steady_clock::duration last_time_{};
  Counts counts_;
  std::thread committer_;
};

}  // namespace perdure
