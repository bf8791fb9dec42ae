// SPDX-License-Identifier: BSL-1.0
// Publishes the commits of a group: all renames, then the syncs that they share.
//
// All renames of a group come before its first sync, by one thread. A commit that failed before the
// sync is not synced and keeps its error; a sync that fails, fails for all that it served. Who
// leads and who waits is LeaderQueue's.
#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <perdure/group_commit.hpp>
#include <perdure/system/observer.hpp>

#include "base/internal.hpp"
#include "engine/batch_stages.hpp"
#include "engine/leader_queue.hpp"
#include "linux/fork.hpp"

namespace perdure {
namespace {

/// One caller's commits.
struct GroupArrival : Arrival {
  GroupArrival(BatchedCommits commits_of, Protocol by, struct Room* room)
      : Arrival(commits_of.size()), members(commits_of), protocol(by), own_room(room) {}

  BatchedCommits members;
  Protocol protocol;
  struct Room* own_room;  ///< Of one that is too large for the group's.
  std::exception_ptr thrown{};
};

/// Room for publishing a group, taken before anybody leads: the leader of a group allocates nothing
/// unless something fails.
struct Room {
  explicit Room(std::size_t commits_max) : grouping(commits_max) { published.reserve(commits_max); }

  BatchedCommits published_of(const ArrivalQueue& group, Protocol protocol);

  std::vector<BatchedCommit*> published;
  Grouping grouping;
};

template <class Do>
void for_each_of(const ArrivalQueue& group, Do with) {
  for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    with(static_cast<GroupArrival&>(*arrival));
  }
}

BatchedCommits Room::published_of(const ArrivalQueue& group, Protocol protocol) {
  published.clear();
  for_each_of(group, [&](GroupArrival& arrival) {
    if (arrival.protocol != protocol) return;
    for (BatchedCommit* member : arrival.members) {
      if (member->outcome) published.push_back(member);
    }
  });
  return published;
}

/// Each observer once, whatever the number of its commits.
void tell_group(const ArrivalQueue& group) {
  std::size_t size = 0;
  for_each_of(group, [&](const GroupArrival& arrival) { size += arrival.members.size(); });
  const auto observer_of = [](const Arrival& arrival) -> Observer* {
    const BatchedCommits members = static_cast<const GroupArrival&>(arrival).members;
    return members.empty() ? nullptr : members.front()->commit->observer;
  };
  for_each_of(group, [&](const GroupArrival& arrival) {
    Observer* const observer = observer_of(arrival);
    if (observer == nullptr) return;
    const Arrival* earlier = group.front();
    while (earlier != &arrival && observer_of(*earlier) != observer) earlier = earlier->next;
    if (earlier == &arrival) observer->group_formed(size);
  });
}

/// One rename after the other by one thread: whoever is the last in the group was renamed last,
/// which is what SyncPublished rests on. An exception reaches all of them, out of memory too.
void publish_group(const ArrivalQueue& group, Room& common_room) noexcept try {
  Room* const own_room = static_cast<GroupArrival&>(*group.front()).own_room;
  Room& room = own_room != nullptr ? *own_room : common_room;
  tell_group(group);
  for_each_of(group, [](GroupArrival& arrival) { detail::run_for_all(Rename{}, arrival.members); });
  sync_published_of(room.published_of(group, Protocol::fast), room.grouping);
  sync_parents_of(room.published_of(group, Protocol::portable), room.grouping);
  sync_all_published_of(room.published_of(group, Protocol::whole), room.grouping);
} catch (...) {
  for_each_of(group, [](GroupArrival& arrival) { arrival.thrown = std::current_exception(); });
}

GroupOptions checked(GroupOptions options) noexcept {
  constexpr std::size_t group_size_max = 4096;  // as the header says
  options.group_size_max = std::clamp<std::size_t>(options.group_size_max, 1, group_size_max);
  options.waiting_max = std::max<std::size_t>(options.waiting_max, 1);
  return options;
}

}  // namespace

struct PERDURE_LOCAL GroupCommit::State {
  explicit State(const GroupOptions& group_options)
      : options(checked(group_options)),
        room(options.group_size_max),
        queue({options.group_size_max, options.waiting_max},
              [this](const ArrivalQueue& group) { publish_group(group, room); }) {}

  /// In a forked child there are neither the threads that wait here nor the committer, and whoever
  /// held the mutex will not unlock it: nothing but `is_closed` may be asked.
  [[nodiscard]] bool is_parents() const noexcept { return !made_by.this_process(); }

  bool serve_alone(GroupArrival& arrival) noexcept {
    if (queue.is_closed()) return false;
    ArrivalQueue group;
    group.push(arrival);
    publish_group(group, room);
    return true;
  }

  GroupOptions options;
  Room room;  // the leader's
  const MadeBy made_by{};
  LeaderQueue queue;
};

GroupCommit::GroupCommit(GroupOptions options) : state_(std::make_unique<State>(options)) {
  if (options.committer_thread) state_->queue.start_committer();
}

GroupCommit::~GroupCommit() {
  close();
  // To destroy it would wait for threads that a forked child does not have.
  if (state_->is_parents()) (void)state_.release();
}

void GroupCommit::close() {
  if (state_->is_parents()) {
    state_->queue.close_in_child();
  } else {
    state_->queue.close();
  }
}

GroupCommit::Counts GroupCommit::counts() const {
  if (state_->is_parents()) return {};
  const LeaderQueue::Counts now = state_->queue.counts();
  return {now.commits, now.groups, now.waiting, now.outside};
}

void GroupCommit::publish(BatchedCommits members, Protocol protocol) {
  // Larger than a group, it stands alone in its own.
  const bool parents = state_->is_parents();
  std::optional<Room> own_room;
  if (parents || members.size() > state_->options.group_size_max) {
    own_room.emplace(members.size());
  }
  GroupArrival arrival(members, protocol, own_room ? &*own_room : nullptr);
  const bool served = parents ? state_->serve_alone(arrival) : state_->queue.join(arrival);
  if (arrival.thrown) std::rethrow_exception(arrival.thrown);
  if (served) return;
  for (BatchedCommit* member : members) {
    member->outcome = member->commit->failure(
        "join the group", ErrorKind::invalid_argument,
        "the group was closed; commit without it, or with one that is open");
  }
}

}  // namespace perdure
