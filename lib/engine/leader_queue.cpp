// SPDX-License-Identifier: BSL-1.0
// Lets callers wait, lead and be served.
#include "engine/leader_queue.hpp"

#include <algorithm>
#include <utility>

namespace perdure {

void ArrivalQueue::push(Arrival& arrival) noexcept {
  arrival.next = nullptr;
  (empty() ? first_ : last_->next) = &arrival;
  last_ = &arrival;
  ++size_;
  commits_ += arrival.commits;
}

Arrival& ArrivalQueue::pop() noexcept {
  Arrival& popped = *first_;
  first_ = popped.next;
  --size_;
  commits_ -= popped.commits;
  return popped;
}

LeaderQueue::LeaderQueue(Limits limits, Serve serve) : limits_(limits), serve_(std::move(serve)) {}

void LeaderQueue::start_committer(std::shared_ptr<const void> alive) {
  has_committer_ = true;
  committer_ = std::thread([this, kept = std::move(alive)] { run_committer(); });
}

/// Lets callers in as long as there is room. They sleep on. If each were woken to come in by
/// itself, the leader would find few that wait. If all were woken, the work would grow with the
/// square of their number.
void LeaderQueue::admit() noexcept {
  while (!outside_.empty() && waiting_.size() < limits_.waiting_max) waiting_.push(outside_.pop());
}

/// Refuses the callers outside, which come too late.
void LeaderQueue::refuse() noexcept {
  while (!outside_.empty()) {
    Arrival& arrival = outside_.pop();
    arrival.refused = true;
    arrival.changed.notify_one();
  }
}

/// The callers of the last group are on their way back. If the first of them led at once, the
/// others would wait twice: for its sync, then for their own. So the leader waits for them a
/// little, and not at all after a group of one.
void LeaderQueue::gather(std::unique_lock<std::mutex>& lock) noexcept {
  if (last_size_ <= 1) return;
  ++counts_.gathered;
  wanted_ = std::min({last_size_, limits_.group_size_max, limits_.waiting_max});
  more_.wait_for(lock, last_time_ / 2, [&] { return closed_ || waiting_.commits() >= wanted_; });
  wanted_ = 0;
}

ArrivalQueue LeaderQueue::next_group() noexcept {
  ArrivalQueue group;
  last_size_ = 0;
  bool lasts = false;
  while (!waiting_.empty()) {
    const std::size_t joining = waiting_.front()->commits;
    if (!group.empty() && group.commits() + joining > limits_.group_size_max) break;
    if (waiting_.front()->sleepers > 0) last_size_ += joining;
    lasts = lasts || waiting_.front()->lasts;
    group.push(waiting_.pop());
  }
  if (lasts) last_size_ = 0;  // nobody waits in gather() for half of it
  counts_.commits += group.commits();
  ++counts_.groups;
  return group;
}

/// The first in line for which a thread sleeps. Its group takes along the posted ones before it.
Arrival* LeaderQueue::first_awaited() const noexcept {
  for (const ArrivalQueue* queue : {&waiting_, &outside_}) {
    for (Arrival* arrival = queue->front(); arrival != nullptr; arrival = arrival->next) {
      if (arrival->sleepers > 0) return arrival;
    }
  }
  return nullptr;
}

/// Whether this thread, which waits for the arrival, is to lead; null: it waits for no particular
/// one. The committer thread comes here, too, from functions that it calls between two groups.
bool LeaderQueue::may_lead(const Arrival* arrival) const noexcept {
  if (leading_ || waiting_.empty()) return false;
  if (has_committer_) return committer_id_ == std::this_thread::get_id();
  return first_awaited() == arrival;
}

/// Wakes the next leader, since nobody leads any more.
void LeaderQueue::wake_next() noexcept {
  Arrival* const next = has_committer_ ? nullptr : first_awaited();
  if (next != nullptr) {
    next->changed.notify_one();
  } else {
    idle_.notify_all();
  }
}

/// Serves the waiting callers; `own` is the arrival that the leader waits for, if there is one. The
/// lock is held before and after, not while it serves.
void LeaderQueue::lead(std::unique_lock<std::mutex>& lock, Arrival* own) noexcept {
  leading_ = true;
  gather(lock);
  ArrivalQueue group = next_group();
  admit();
  lock.unlock();
  const auto begin = std::chrono::steady_clock::now();
  serve_(group);
  const auto time = std::chrono::steady_clock::now() - begin;
  lock.lock();
  leading_ = false;
  last_time_ = time;
  ArrivalQueue served;
  while (!group.empty()) {
    Arrival& arrival = group.pop();
    if (arrival.posted != nullptr) {
      served.push(arrival);
      continue;
    }
    arrival.done = true;
    arrival.changed.notify_one();
  }
  if (served.empty()) return wake_next();
  finishing_ += served.size();
  // A call may wait for other threads' commits: until it returns, this thread does not lead again.
  if (own != nullptr) --own->sleepers;
  wake_next();
  finish(lock, served);
  if (own != nullptr) ++own->sleepers;
}

/// All are marked done before the first call is made, since a call may wait for any of them.
void LeaderQueue::finish(std::unique_lock<std::mutex>& lock, ArrivalQueue served) noexcept {
  for (Arrival* arrival = served.front(); arrival != nullptr; arrival = arrival->next) {
    lock.unlock();
    arrival->posted->finish();
    lock.lock();
    arrival->done = true;
    --finishing_;
    --*arrival->posted->left;
    arrival->changed.notify_all();
    idle_.notify_all();
  }
  lock.unlock();
  while (!served.empty()) {
    Posted& posted = *served.pop().posted;
    const auto self = std::move(posted.self);
    const auto to_call = std::move(posted.to_call);
    for (const auto& call : to_call) call();
  }
  lock.lock();
}

/// Leads when it is this thread's turn. False when the time is up.
bool LeaderQueue::sleep(std::unique_lock<std::mutex>& lock, Arrival& arrival,
                        Deadline deadline) noexcept {
  while (!arrival.done && !arrival.refused) {
    if (may_lead(&arrival)) {
      lead(lock, &arrival);
    } else if (!deadline) {
      arrival.changed.wait(lock);
    } else if (arrival.changed.wait_until(lock, *deadline) == std::cv_status::timeout &&
               !arrival.done && !may_lead(&arrival)) {
      return false;
    }
  }
  return true;
}

void LeaderQueue::tell_of_arrival() noexcept {
  if (wanted_ != 0 && waiting_.commits() >= wanted_) more_.notify_one();
  if (has_committer_) work_.notify_one();
}

bool LeaderQueue::join(Arrival& arrival) noexcept {
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  arrival.sleepers = 1;
  outside_.push(arrival);
  admit();
  tell_of_arrival();
  sleep(lock, arrival, {});
  return !arrival.refused;
}

LeaderQueue::Posting LeaderQueue::post(Arrival& arrival, std::shared_ptr<Posted> self) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_) return Posting::closed;
  if (waiting_.size() >= limits_.waiting_max) return Posting::full;
  arrival.posted->self = std::move(self);
  ++*arrival.posted->left;
  waiting_.push(arrival);
  tell_of_arrival();
  return Posting::done;
}

bool LeaderQueue::wait(Arrival& arrival, Deadline deadline) noexcept {
  std::unique_lock lock(mutex_);
  ++arrival.sleepers;
  const bool done = sleep(lock, arrival, deadline);
  --arrival.sleepers;
  return done;
}

bool LeaderQueue::is_done(const Arrival& arrival) const {
  const std::lock_guard lock(mutex_);
  return arrival.done;
}

bool LeaderQueue::call_when_done(Arrival& arrival, Procedure<>& call) {
  const std::lock_guard lock(mutex_);
  if (arrival.done) return false;
  arrival.posted->to_call.push_back(std::move(call));
  return true;
}

/// For a thread that waits for no particular arrival: leads where no other thread would.
template <class Reached>
void LeaderQueue::lead_until(std::unique_lock<std::mutex>& lock, Reached reached) noexcept {
  while (!reached()) {
    if (may_lead(nullptr)) {
      lead(lock, nullptr);
    } else {
      idle_.wait(lock);
    }
  }
}

void LeaderQueue::drain(const std::size_t& left) noexcept {
  std::unique_lock lock(mutex_);
  lead_until(lock, [&] { return left == 0; });
}

void LeaderQueue::run_committer() {
  std::unique_lock lock(mutex_);
  committer_id_ = std::this_thread::get_id();
  while (true) {
    work_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    lead(lock, nullptr);
  }
}

void LeaderQueue::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  refuse();
  work_.notify_all();
  more_.notify_all();
  lead_until(lock, [&] { return waiting_.empty() && !leading_ && finishing_ == 0; });
  std::thread ended;
  ended.swap(committer_);
  lock.unlock();
  if (!ended.joinable()) return;
  if (ended.get_id() == std::this_thread::get_id()) {
    ended.detach();  // a function that it called dropped this queue: the thread ends by itself
  } else {
    ended.join();
  }
}

LeaderQueue::Counts LeaderQueue::counts() const {
  const std::lock_guard lock(mutex_);
  Counts now = counts_;
  now.waiting = waiting_.commits();
  now.outside = outside_.size();
  return now;
}

}  // namespace perdure
