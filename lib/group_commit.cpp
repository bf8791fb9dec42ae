// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <perdure/group_commit.hpp>

namespace perdure {
namespace {

/// What one caller brings; lives on its stack until it is done.
struct Arrival {
  Members members;
  Protocol protocol;
  std::condition_variable changed{};
  bool done = false;
  std::exception_ptr thrown{};
};

std::vector<Member*> published_of(const std::vector<Arrival*>& group, Protocol protocol) {
  std::vector<Member*> published;
  for (const Arrival* arrival : group) {
    if (arrival->protocol != protocol) continue;
    std::copy_if(arrival->members.begin(), arrival->members.end(), std::back_inserter(published),
                 [](const Member* member) { return member->outcome.has_value(); });
  }
  return published;
}

/// One rename after the other by one thread: whoever is the last in the group was renamed last,
/// which is what SyncPublished rests on.
void publish_group(const std::vector<Arrival*>& group) try {
  for (const Arrival* arrival : group) detail::run_for_all(Rename{}, arrival->members);
  if (const auto fast = published_of(group, Protocol::fast); !fast.empty()) {
    SyncPublished{}.run_together(fast);
  }
  if (const auto portable = published_of(group, Protocol::portable); !portable.empty()) {
    SyncParent{}.run_together(portable);
  }
  if (const auto all = published_of(group, Protocol::whole); !all.empty()) {
    SyncAllPublished{}.run_together(all);
  }
} catch (...) {
  for (Arrival* arrival : group) arrival->thrown = std::current_exception();
}

}  // namespace

struct GroupCommit::State {
  explicit State(GroupOptions group_options) : options(group_options) {
    options.together_max = std::max<std::size_t>(options.together_max, 1);
    options.waiting_max = std::max<std::size_t>(options.waiting_max, 1);
  }

  [[nodiscard]] std::size_t commits_waiting() const;
  void gather(std::unique_lock<std::mutex>& lock);
  std::vector<Arrival*> next_group();
  void lead(std::unique_lock<std::mutex>& lock);
  void run_committer();
  bool enter(std::unique_lock<std::mutex>& lock);

  GroupOptions options;
  mutable std::mutex mutex;
  std::condition_variable room;  // somebody may be let in
  std::condition_variable work;  // the committer thread has something to do
  std::condition_variable idle;  // nothing waits any more
  std::condition_variable more;  // one more waits
  std::deque<Arrival*> waiting;
  std::uint64_t arrived = 0;  // callers, in the order in which they are let in
  std::uint64_t let_in = 0;
  bool leading = false;
  bool closed = false;
  std::size_t last_size = 0;  // of the last group, and what publishing it took
  std::chrono::steady_clock::duration last_time{};
  Counts counts;
  std::thread committer;
};

/// Waits for its turn and for room; false when the group was closed meanwhile.
bool GroupCommit::State::enter(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t turn = arrived++;
  room.wait(lock,
            [&] { return turn == let_in && (closed || waiting.size() < options.waiting_max); });
  ++let_in;
  room.notify_all();
  return !closed;
}

std::size_t GroupCommit::State::commits_waiting() const {
  std::size_t count = 0;
  for (const Arrival* arrival : waiting) count += arrival->members.size();
  return count;
}

/// Those whom the last group served are on their way back. Were the first of them to lead at once,
/// the others would wait for its sync and then for theirs: so it waits for them a little, and not
/// at all after a group of one.
void GroupCommit::State::gather(std::unique_lock<std::mutex>& lock) {
  if (last_size <= 1) return;
  const std::size_t enough = std::min({last_size, options.together_max, options.waiting_max});
  more.wait_for(lock, last_time / 2, [&] { return closed || commits_waiting() >= enough; });
}

std::vector<Arrival*> GroupCommit::State::next_group() {
  std::vector<Arrival*> group;
  std::size_t size = 0;
  while (!waiting.empty()) {
    const std::size_t joining = waiting.front()->members.size();
    if (!group.empty() && size + joining > options.together_max) break;
    size += joining;
    group.push_back(waiting.front());
    waiting.pop_front();
  }
  counts.commits += size;
  ++counts.groups;
  last_size = size;
  return group;
}

/// Publishes what waits. The lock is held before and after, not meanwhile.
void GroupCommit::State::lead(std::unique_lock<std::mutex>& lock) {
  leading = true;
  gather(lock);
  const auto group = next_group();
  room.notify_all();
  lock.unlock();
  const auto begin = std::chrono::steady_clock::now();
  publish_group(group);
  const auto time = std::chrono::steady_clock::now() - begin;
  lock.lock();
  leading = false;
  last_time = time;
  for (Arrival* arrival : group) {
    arrival->done = true;
    arrival->changed.notify_one();
  }
  if (waiting.empty()) {
    idle.notify_all();
  } else if (!options.committer_thread) {
    waiting.front()->changed.notify_one();  // leads next
  }
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
}

void GroupCommit::close() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->room.notify_all();
  state_->work.notify_all();
  state_->more.notify_all();
  state_->idle.wait(lock, [&] { return state_->waiting.empty() && !state_->leading; });
  std::thread ended;
  ended.swap(state_->committer);
  lock.unlock();
  if (ended.joinable()) ended.join();
}

GroupCommit::Counts GroupCommit::counts() const {
  const std::lock_guard lock(state_->mutex);
  Counts now = state_->counts;
  now.waiting = state_->commits_waiting();
  now.outside = state_->arrived - state_->let_in;
  return now;
}

void GroupCommit::publish(Members members, Protocol protocol) {
  Arrival arrival{members, protocol};
  std::unique_lock lock(state_->mutex);
  if (!state_->enter(lock)) {
    for (Member* member : members) {
      member->outcome = member->commit->failure(
          "join the group", ErrorKind::invalid_argument,
          "the group was closed; commit without it, or with one that is open");
    }
    return;
  }
  state_->waiting.push_back(&arrival);
  state_->more.notify_one();
  if (state_->options.committer_thread) {
    state_->work.notify_one();
    arrival.changed.wait(lock, [&] { return arrival.done; });
  } else {
    arrival.changed.wait(lock, [&] {
      return arrival.done || (!state_->leading && state_->waiting.front() == &arrival);
    });
    if (!arrival.done) state_->lead(lock);
  }
  if (arrival.thrown) std::rethrow_exception(arrival.thrown);
}

}  // namespace perdure
