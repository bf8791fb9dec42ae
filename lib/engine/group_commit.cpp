// SPDX-License-Identifier: BSL-1.0
// The queue of commits that share syncs: callers wait, one of them leads and publishes for all.
//
// The life of an arrival, one call of publish():
//
//   publish() --> outside --admit()--> waiting --next_group()--> in a group --lead()--> done
//       |            |
//       +--closed----+--refuse()--> refused
//
// The life of the group's leader; all but publish_group() happens under the mutex:
//
//   nobody leads --lead()--> gather() --> next_group() --> publish_group() --> tell its callers
//        ^                                                                            |
//        +----------------------------------------------------------------------------+
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
//       that is larger than a group is alone in its group, and brings its own room.
//   G6  All renames of a group come before its first sync, by one thread. A commit that failed
//       before the sync is not synced and keeps its error; a sync that fails, fails for all that
//       it served.
//   G7  Once `closed` is set under the mutex nobody comes in, and nobody is outside. Callers in
//       `waiting` are still served; close() returns when `waiting` is empty and nobody leads.
//
// In a forked child none of this holds: nobody there touches the mutex or the queues.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <perdure/group_commit.hpp>

#include "engine/batch_stages.hpp"
#include "linux/fork.hpp"

namespace perdure {
namespace {

/// One caller's commit; lives on its stack until it is done. Stands in one queue at a time.
struct Arrival {
  BatchedCommits members;
  Protocol protocol;
  struct Room* own_room = nullptr;  ///< Of one that is too large for the group's.
  std::condition_variable changed{};
  bool done = false;
  bool refused = false;
  std::exception_ptr thrown{};
  Arrival* next = nullptr;
};

/// Callers in the order of arrival. Owns nothing and allocates nothing, so that there is always
/// memory to leave it.
class Queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t commits() const noexcept { return commits_; }
  [[nodiscard]] Arrival* front() const noexcept { return first_; }

  void push(Arrival& arrival) noexcept {
    arrival.next = nullptr;
    (empty() ? first_ : last_->next) = &arrival;
    last_ = &arrival;
    ++size_;
    commits_ += arrival.members.size();
  }
  Arrival& pop() noexcept {
    Arrival& popped = *first_;
    first_ = popped.next;
    --size_;
    commits_ -= popped.members.size();
    return popped;
  }

 private:
  Arrival* first_ = nullptr;
  Arrival* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t commits_ = 0;
};

/// Room for publishing a group, taken before anybody leads: the leader of a group allocates nothing
/// unless something fails.
struct Room {
  explicit Room(std::size_t commits_max) : grouping(commits_max) { published.reserve(commits_max); }

  BatchedCommits published_of(const Queue& group, Protocol protocol) {
    published.clear();
    for (const Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
      if (arrival->protocol != protocol) continue;
      for (BatchedCommit* member : arrival->members) {
        if (member->outcome) published.push_back(member);
      }
    }
    return published;
  }

  std::vector<BatchedCommit*> published;
  Grouping grouping;
};

/// One rename after the other by one thread: whoever is the last in the group was renamed last,
/// which is what SyncPublished rests on. An exception reaches all of them, out of memory too.
void publish_group(const Queue& group, Room& room) noexcept try {
  for (const Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    detail::run_for_all(Rename{}, arrival->members);
  }
  sync_published_of(room.published_of(group, Protocol::fast), room.grouping);
  sync_parents_of(room.published_of(group, Protocol::portable), room.grouping);
  sync_all_published_of(room.published_of(group, Protocol::whole), room.grouping);
} catch (...) {
  for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    arrival->thrown = std::current_exception();
  }
}

}  // namespace

/// A waiter in a queue lies on another thread's stack. So nothing between its push and its pop may
/// throw: the functions that it calls there say `noexcept`.
struct GroupCommit::State {
  explicit State(const GroupOptions& group_options)
      : options(checked(group_options)), room(options.group_size_max) {}

  static GroupOptions checked(GroupOptions options) noexcept {
    constexpr std::size_t group_size_max = 4096;  // as the header says
    options.group_size_max = std::clamp<std::size_t>(options.group_size_max, 1, group_size_max);
    options.waiting_max = std::max<std::size_t>(options.waiting_max, 1);
    return options;
  }

  /// In a forked child there are neither the threads that wait here nor the committer, and whoever
  /// held the mutex will not unlock it: nothing but `closed` may be looked at.
  [[nodiscard]] bool is_parents() const noexcept { return !made_by.this_process(); }

  void gather(std::unique_lock<std::mutex>& lock) noexcept;
  Queue next_group() noexcept;
  void lead(std::unique_lock<std::mutex>& lock) noexcept;
  void run_committer();
  void admit() noexcept;
  void refuse() noexcept;
  bool serve(std::unique_lock<std::mutex>& lock, Arrival& arrival) noexcept;
  bool serve_alone(Arrival& arrival) const noexcept;

  GroupOptions options;
  Room room;  // the leader's
  const MadeBy made_by{};
  mutable std::mutex mutex;
  std::condition_variable work;  // the committer thread has something to do
  std::condition_variable idle;  // nothing waits any more
  std::condition_variable more;  // as many wait as the leader would like to have
  Queue waiting;                 // with their temps written
  Queue outside;                 // until there is room
  std::size_t wanted = 0;        // commits that the leader waits for
  bool leading = false;
  std::atomic<bool> closed = false;
  std::size_t last_size = 0;  // of the last group, and what publishing it took
  std::chrono::steady_clock::duration last_time{};
  Counts counts;
  std::thread committer;
};

/// Lets in whom there is room for. They sleep on: were each woken to come in by itself, the leader
/// would find few who wait; were all of them woken, the work would grow with the square of their
/// number.
void GroupCommit::State::admit() noexcept {
  while (!outside.empty() && waiting.size() < options.waiting_max) waiting.push(outside.pop());
}

/// Callers outside come too late.
void GroupCommit::State::refuse() noexcept {
  while (!outside.empty()) {
    Arrival& arrival = outside.pop();
    arrival.refused = true;
    arrival.changed.notify_one();
  }
}

/// The callers of the last group are on their way back. If the first of them led at once, the
/// others would wait twice: for its sync, then for their own. So it waits for them a little, and
/// not at all after a group of one.
void GroupCommit::State::gather(std::unique_lock<std::mutex>& lock) noexcept {
  if (last_size <= 1) return;
  wanted = std::min({last_size, options.group_size_max, options.waiting_max});
  more.wait_for(lock, last_time / 2, [&] { return closed || waiting.commits() >= wanted; });
  wanted = 0;
}

Queue GroupCommit::State::next_group() noexcept {
  Queue group;
  while (!waiting.empty()) {
    const std::size_t joining = waiting.front()->members.size();
    if (!group.empty() && group.commits() + joining > options.group_size_max) break;
    group.push(waiting.pop());
  }
  counts.commits += group.commits();
  ++counts.groups;
  last_size = group.commits();
  return group;
}

/// Publishes the waiting commits. The lock is held before and after, not while it publishes.
void GroupCommit::State::lead(std::unique_lock<std::mutex>& lock) noexcept {
  leading = true;
  gather(lock);
  Queue group = next_group();
  admit();
  lock.unlock();
  const auto begin = std::chrono::steady_clock::now();
  publish_group(group, group.front()->own_room != nullptr ? *group.front()->own_room : room);
  const auto time = std::chrono::steady_clock::now() - begin;
  lock.lock();
  leading = false;
  last_time = time;
  while (!group.empty()) {
    Arrival& arrival = group.pop();
    arrival.done = true;
    arrival.changed.notify_one();
  }
  if (waiting.empty()) {
    idle.notify_all();
  } else if (!options.committer_thread) {
    waiting.front()->changed.notify_one();  // leads next
  }
}

/// Brings the arrival through a group; false when there is none any more.
bool GroupCommit::State::serve(std::unique_lock<std::mutex>& lock, Arrival& arrival) noexcept {
  if (closed) return false;
  outside.push(arrival);
  admit();
  if (wanted != 0 && waiting.commits() >= wanted) more.notify_one();
  if (options.committer_thread) work.notify_one();
  const auto leads = [&] {
    return !options.committer_thread && !leading && waiting.front() == &arrival;
  };
  arrival.changed.wait(lock, [&] { return arrival.done || arrival.refused || leads(); });
  if (!arrival.done && !arrival.refused) lead(lock);
  return !arrival.refused;
}

bool GroupCommit::State::serve_alone(Arrival& arrival) const noexcept {
  if (closed) return false;
  Queue group;
  group.push(arrival);
  publish_group(group, *arrival.own_room);
  return true;
}

void GroupCommit::State::run_committer() {
  std::unique_lock lock(mutex);
  while (true) {
    work.wait(lock, [&] { return closed || !waiting.empty(); });
    if (waiting.empty()) return;
    lead(lock);
  }
}

GroupCommit::GroupCommit(GroupOptions options) : state_(std::make_unique<State>(options)) {
  if (options.committer_thread) {
    state_->committer = std::thread([this] { state_->run_committer(); });
  }
}

GroupCommit::~GroupCommit() {
  close();
  // To destroy it would wait for threads that a forked child does not have.
  if (state_->is_parents()) (void)state_.release();
}

void GroupCommit::close() {
  if (state_->is_parents()) {
    state_->closed = true;
    return;
  }
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->refuse();
  state_->work.notify_all();
  state_->more.notify_all();
  state_->idle.wait(lock, [&] { return state_->waiting.empty() && !state_->leading; });
  std::thread ended;
  ended.swap(state_->committer);
  lock.unlock();
  if (ended.joinable()) ended.join();
}

GroupCommit::Counts GroupCommit::counts() const {
  if (state_->is_parents()) return {};
  const std::lock_guard lock(state_->mutex);
  Counts now = state_->counts;
  now.waiting = state_->waiting.commits();
  now.outside = state_->outside.size();
  return now;
}

void GroupCommit::publish(BatchedCommits members, Protocol protocol) {
  // Larger than a group, it stands alone in its own.
  const bool parents = state_->is_parents();
  std::optional<Room> own_room;
  if (parents || members.size() > state_->options.group_size_max) {
    own_room.emplace(members.size());
  }
  Arrival arrival{members, protocol, own_room ? &*own_room : nullptr};
  const bool served = [&] {
    if (parents) return state_->serve_alone(arrival);
    std::unique_lock lock(state_->mutex);
    return state_->serve(lock, arrival);
  }();
  if (arrival.thrown) std::rethrow_exception(arrival.thrown);
  if (served) return;
  for (BatchedCommit* member : members) {
    member->outcome = member->commit->failure(
        "join the group", ErrorKind::invalid_argument,
        "the group was closed; commit without it, or with one that is open");
  }
}

}  // namespace perdure
