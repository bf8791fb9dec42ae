// SPDX-License-Identifier: BSL-1.0
// Publishes the commits of a group: all renames, then the syncs that they share.
//
// All renames of a group come before its first sync, by one thread. A commit that failed before the
// sync is not synced and keeps its error; a sync that fails, fails for all that it served.
// LeaderQueue decides who leads and who waits.
#include "engine/group_state.hpp"

#include <perdure/pipeline/pipeline.hpp>
#include <perdure/system/observer.hpp>

#include "engine/batch_stages.hpp"

namespace perdure {
namespace {

template <class Do>
void for_each_of(const ArrivalQueue& group, Do with) {
  for (Arrival* arrival = group.front(); arrival != nullptr; arrival = arrival->next) {
    with(static_cast<GroupArrival&>(*arrival));
  }
}

}  // namespace

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

namespace {

/// Tells each observer once, whatever the number of its commits.
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

/// One thread makes one rename after the other, so the last member of the group is renamed last:
/// SyncPublished relies on this order. An exception reaches all members, std::bad_alloc too.
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

}  // namespace

detail::GroupState::GroupState(LeaderQueue::Limits limits, bool with_committer)
    : group_size_max(limits.group_size_max),
      has_committer(with_committer),
      room(group_size_max),
      queue(limits, [this](const ArrivalQueue& group) { publish_group(group, room); }) {}

void detail::GroupState::dispose(const GroupState* state) {
  if (!state->is_parents()) delete state;
}

bool detail::GroupState::serve_alone(GroupArrival& arrival) noexcept {
  if (queue.is_closed()) return false;
  ArrivalQueue group;
  group.push(arrival);
  publish_group(group, room);
  return true;
}

Error closed_group(const Commit& commit) {
  return commit.failure("join the group", ErrorKind::invalid_argument,
                        "the group was closed; commit without it, or with one that is open");
}

}  // namespace perdure
