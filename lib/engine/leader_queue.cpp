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

void LeaderQueue::start_committer() {
  has_committer_ = true;
  committer_ = std::thread([this] { run_committer(); });
}

/// Lets in whom there is room for. They sleep on: were each woken to come in by itself, the leader
/// would find few who wait; were all of them woken, the work would grow with the square of their
/// number.
void LeaderQueue::admit() noexcept {
  while (!outside_.empty() && waiting_.size() < limits_.waiting_max) waiting_.push(outside_.pop());
}

/// Callers outside come too late.
void LeaderQueue::refuse() noexcept {
  while (!outside_.empty()) {
    Arrival& arrival = outside_.pop();
    arrival.refused = true;
    arrival.changed.notify_one();
  }
}

/// The callers of the last group are on their way back. If the first of them led at once, the
/// others would wait twice: for its sync, then for their own. So it waits for them a little, and
/// not at all after a group of one.
void LeaderQueue::gather(std::unique_lock<std::mutex>& lock) noexcept {
  if (last_size_ <= 1) return;
  wanted_ = std::min({last_size_, limits_.group_size_max, limits_.waiting_max});
  more_.wait_for(lock, last_time_ / 2, [&] { return closed_ || waiting_.commits() >= wanted_; });
  wanted_ = 0;
}

ArrivalQueue LeaderQueue::next_group() noexcept {
  ArrivalQueue group;
  while (!waiting_.empty()) {
    const std::size_t joining = waiting_.front()->commits;
    if (!group.empty() && group.commits() + joining > limits_.group_size_max) break;
    group.push(waiting_.pop());
  }
  counts_.commits += group.commits();
  ++counts_.groups;
  last_size_ = group.commits();
  return group;
}

/// Serves the waiting callers. The lock is held before and after, not while it serves.
void LeaderQueue::lead(std::unique_lock<std::mutex>& lock) noexcept {
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
  while (!group.empty()) {
    Arrival& arrival = group.pop();
    arrival.done = true;
    arrival.changed.notify_one();
  }
  if (waiting_.empty()) {
    idle_.notify_all();
  } else if (!has_committer_) {
    waiting_.front()->changed.notify_one();  // leads next
  }
}

bool LeaderQueue::join(Arrival& arrival) noexcept {
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  outside_.push(arrival);
  admit();
  if (wanted_ != 0 && waiting_.commits() >= wanted_) more_.notify_one();
  if (has_committer_) work_.notify_one();
  const auto leads = [&] { return !has_committer_ && !leading_ && waiting_.front() == &arrival; };
  arrival.changed.wait(lock, [&] { return arrival.done || arrival.refused || leads(); });
  if (!arrival.done && !arrival.refused) lead(lock);
  return !arrival.refused;
}

void LeaderQueue::run_committer() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    lead(lock);
  }
}

void LeaderQueue::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  refuse();
  work_.notify_all();
  more_.notify_all();
  idle_.wait(lock, [&] { return waiting_.empty() && !leading_; });
  std::thread ended;
  ended.swap(committer_);
  lock.unlock();
  if (ended.joinable()) ended.join();
}

LeaderQueue::Counts LeaderQueue::counts() const {
  const std::lock_guard lock(mutex_);
  Counts now = counts_;
  now.waiting = waiting_.commits();
  now.outside = outside_.size();
  return now;
}

}  // namespace perdure
