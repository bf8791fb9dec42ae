// SPDX-License-Identifier: BSL-1.0
// The front of a group: lets callers in, and refuses callers that come too late.
#include <algorithm>
#include <exception>
#include <optional>

#include <perdure/group_commit.hpp>

#include "engine/group_state.hpp"

namespace perdure {
namespace {

GroupOptions checked(GroupOptions options) noexcept {
  constexpr std::size_t group_size_max = 4096;  // as the header says
  options.group_size_max = std::clamp<std::size_t>(options.group_size_max, 1, group_size_max);
  options.waiting_max = std::max<std::size_t>(options.waiting_max, 1);
  return options;
}

}  // namespace

GroupCommit::GroupCommit(GroupOptions options) {
  options = checked(options);
  state_ = std::shared_ptr<detail::GroupState>(
      new detail::GroupState({options.group_size_max, options.waiting_max},
                             options.committer_thread),
      &detail::GroupState::dispose);
  if (options.committer_thread) state_->queue.start_committer(state_);
}

GroupCommit::~GroupCommit() {
  close();
}

void GroupCommit::close() {
  if (state_->is_parents()) {
    state_->queue.close_in_child();
  } else {
    const auto kept = state_;  // a call may give up the last hold of the group
    kept->queue.close();
  }
}

GroupCommit::Counts GroupCommit::counts() const {
  if (state_->is_parents()) return {};
  const LeaderQueue::Counts now = state_->queue.counts();
  return {now.commits, now.groups, now.waiting, now.outside};
}

void GroupCommit::publish(BatchedCommits members, Protocol protocol) {
  // A batch that is larger than a group gets a group of its own.
  const bool parents = state_->is_parents();
  std::optional<Room> own_room;
  if (parents || members.size() > state_->group_size_max) {
    own_room.emplace(members.size());
  }
  GroupArrival arrival(members, protocol, own_room ? &*own_room : nullptr);
  const bool served = parents ? state_->serve_alone(arrival) : state_->queue.join(arrival);
  if (arrival.thrown) std::rethrow_exception(arrival.thrown);
  if (served) return;
  for (BatchedCommit* member : members) member->outcome = closed_group(*member->commit);
}

}  // namespace perdure
