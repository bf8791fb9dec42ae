// SPDX-License-Identifier: BSL-1.0
// The queue of callers who share a flush: they wait, one of them leads and serves all.
//
// The life of an arrival, one call of join():
//
//   join() --> outside --admit()--> waiting --next_group()--> in a group --lead()--> done
//      |          |
//      +--closed--+--refuse()--> refused
//
// The life of a posted arrival, whose caller went on, and may come back to wait() for it, or never:
//
//   post() --> waiting --next_group()--> in a group --lead()--> served --finish()--> done -->
//   called
//      |
//      +--> full, closed
//
// The life of the group's leader; all but serve() happens under the mutex:
//
//   nobody leads --lead()--> gather() --> next_group() --> serve() --> tell its callers
//        ^                                                                    |
//        +--------------------------------------------------------------------+--> finish()
//
// finish() ends posted arrivals, on the thread that led and without the mutex. In the meantime
// others lead.
//
// Invariants whenever the mutex is free:
//
//   G1  At most one thread leads: `leading` is set before gather() gives the mutex back, and only
//       the leader clears it. With a committer thread nobody but that thread leads.
//   G2  An arrival is in one queue, or in a leader's group, until it is done or refused. Until
//       then its caller sleeps or leads; a posted arrival is kept by `Posted::self`. So it lives as
//       long as it is in a queue. Therefore nothing between a push and the end may throw.
//   G3  Order: callers enter `waiting`, and groups, in the order in which they came. Somebody is
//       outside only while `waiting` is full; a posted arrival never is.
//   G4  Nobody sleeps forever: if somebody sleeps and nobody leads, then the committer thread has
//       been woken; without one, the first arrival for which a thread sleeps; without such an
//       arrival, a thread that drains or closes. Only a leader takes from `waiting`, and wakes the
//       next. A sleeper whose time is up leads if it is its turn.
//   G5  Without a committer thread, the first arrival for which a thread sleeps has its leader.
//       Only arrivals for which nobody sleeps are served before it. An arrival that is larger than
//       a group is alone in its group.
//   G6  Once `closed` is set under the mutex nobody comes in, and nobody is outside. All arrivals
//       in `waiting` are still served; close() returns when `waiting` is empty, nobody leads, and
//       all posted arrivals are done.
//   G7  A posted arrival is done once any thread led after it was posted, whether somebody waits
//       for it or not. At the latest it is done when its owner drains or the queue is closed. Its
//       owner outlives it: `Posted::left` counts the arrivals that are not done.
//
// In a forked child none of this holds: nobody there touches the mutex or the queues.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <perdure/procedure.hpp>

namespace perdure {

/// The part of an arrival that is posted: its caller went on.
class Posted {
 public:
  /// Does the rest once the arrival was served, on the thread that led, without the mutex. The
  /// arrival is done when this returns, and must not refer to its owner any more.
  virtual void finish() noexcept = 0;

  std::shared_ptr<Posted> self{};      ///< From the post until it is done and all were called.
  std::vector<Procedure<>> to_call{};  ///< Once it is done. Under the mutex before that.
  /// How many posted arrivals of its owner are not done. Under the mutex.
  std::size_t* left = nullptr;

 protected:
  Posted() = default;
  Posted(const Posted&) = delete;
  Posted& operator=(const Posted&) = delete;
  ~Posted() = default;
};

/// One caller's request. Lives on the caller's stack until it is done, unless it is posted. Is in
/// one queue at a time.
struct Arrival {
  explicit Arrival(std::size_t commit_count) : commits(commit_count) {}

  std::size_t commits;
  Posted* posted = nullptr;  ///< Null: a thread stands behind it.
  std::condition_variable changed{};
  std::size_t sleepers = 0;  ///< Threads that wait for it, or lead.
  bool lasts = false;        ///< The time of its group does not tell what the next one takes.
  bool done = false;
  bool refused = false;
  Arrival* next = nullptr;
};

/// Callers in the order of arrival. Owns nothing and allocates nothing, so that a caller can always
/// leave the queue.
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
  /// Serves the requests of a group, on the leader's thread. Throws nothing.
  using Serve = std::function<void(const ArrivalQueue& group)>;

  LeaderQueue(Limits limits, Serve serve);
  LeaderQueue(const LeaderQueue&) = delete;
  LeaderQueue& operator=(const LeaderQueue&) = delete;
  /// Callers are gone, and a committer thread has ended.
  ~LeaderQueue() = default;

  /// Starts a thread that leads from now on, in the place of callers. The thread holds `alive`, in
  /// case a function on it drops the last reference to this.
  void start_committer(std::shared_ptr<const void> alive);
  /// Brings the arrival through a group; false when the queue was closed.
  bool join(Arrival& arrival) noexcept;

  enum class Posting { done, full, closed };
  /// Puts a posted arrival in line, unless as many wait as may. Never waits. From then on the
  /// arrival belongs to the queue until it is done.
  Posting post(Arrival& arrival, std::shared_ptr<Posted> self) noexcept;
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  /// Waits for a posted arrival, and leads if nobody else does; false when the time is up before.
  bool wait(Arrival& arrival, Deadline deadline) noexcept;
  [[nodiscard]] bool is_done(const Arrival& arrival) const;
  /// Whether it is not done yet: then `call` was moved to the functions that are called when it is.
  bool call_when_done(Arrival& arrival, Procedure<>& call);
  /// Returns when all arrivals of an owner are done; leads if nobody else does.
  void drain(const std::size_t& left) noexcept;

  /// Serves those who wait, refuses those outside, and ends the committer thread.
  void close();
  /// For a forked child, which must not touch the mutex: refuses from now on.
  void close_in_child() noexcept { closed_ = true; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

  struct Counts {
    std::uint64_t commits = 0;  ///< Served.
    std::uint64_t groups = 0;
    std::uint64_t waiting = 0;   ///< Commits.
    std::uint64_t outside = 0;   ///< Callers.
    std::uint64_t gathered = 0;  ///< Times that a leader waited for the callers of the last group.
  };
  [[nodiscard]] Counts counts() const;

 private:
  void gather(std::unique_lock<std::mutex>& lock) noexcept;
  ArrivalQueue next_group() noexcept;
  void lead(std::unique_lock<std::mutex>& lock, Arrival* own) noexcept;
  void finish(std::unique_lock<std::mutex>& lock, ArrivalQueue served) noexcept;
  void wake_next() noexcept;
  [[nodiscard]] Arrival* first_awaited() const noexcept;
  [[nodiscard]] bool may_lead(const Arrival* arrival) const noexcept;
  bool sleep(std::unique_lock<std::mutex>& lock, Arrival& arrival, Deadline deadline) noexcept;
  template <class Reached>
  void lead_until(std::unique_lock<std::mutex>& lock, Reached reached) noexcept;
  void run_committer();
  void admit() noexcept;
  void refuse() noexcept;
  void tell_of_arrival() noexcept;

  const Limits limits_;
  const Serve serve_;
  mutable std::mutex mutex_;
  std::condition_variable work_;  // the committer thread has something to do
  // for threads that drain or close: something ended, or nobody leads
  std::condition_variable idle_;
  std::condition_variable more_;  // as many wait as the leader would like to have
  ArrivalQueue waiting_;
  ArrivalQueue outside_;    // until there is room
  std::size_t wanted_ = 0;  // commits that the leader waits for
  bool leading_ = false;
  std::size_t finishing_ = 0;  // posted, served, and not done
  std::atomic<bool> closed_ = false;
  bool has_committer_ = false;
  std::thread::id committer_id_;
  std::size_t last_size_ = 0;  // of the last group, as far as somebody waited; how long it took
  std::chrono::steady_clock::duration last_time_{};
  Counts counts_;
  std::thread committer_;
};

}  // namespace perdure
