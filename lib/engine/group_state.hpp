// SPDX-License-Identifier: BSL-1.0
// The state of a group: its queue, and the room in which its leader publishes.
#pragma once

#include <cstddef>
#include <exception>
#include <vector>

#include <perdure/pipeline/commit.hpp>

#include "engine/grouping.hpp"
#include "engine/leader_queue.hpp"
#include "linux/fork.hpp"

namespace perdure {

/// One caller's commits.
struct GroupArrival : Arrival {
  GroupArrival(BatchedCommits commits_of, Protocol by, struct Room* room = nullptr)
      : Arrival(commits_of.size()), members(commits_of), protocol(by), own_room(room) {}

  BatchedCommits members;
  Protocol protocol;
  struct Room* own_room;  ///< For an arrival that is too large for the group's room.
  std::exception_ptr thrown{};
};

/// Memory for publishing a group, allocated before anybody leads: the leader of a group allocates
/// nothing unless something fails.
struct Room {
  explicit Room(std::size_t commits_max) : grouping(commits_max) { published.reserve(commits_max); }

  BatchedCommits published_of(const ArrivalQueue& group, Protocol protocol);

  std::vector<BatchedCommit*> published;
  Grouping grouping;
};

namespace detail {

/// The parts of a group. Shared by the group, its committer thread, and the commits that were
/// left to it.
struct GroupState {
  GroupState(LeaderQueue::Limits limits, bool with_committer);
  GroupState(const GroupState&) = delete;
  GroupState& operator=(const GroupState&) = delete;
  ~GroupState() = default;

  /// A forked child leaves its copy where it is: to destroy it would wait for threads that are not
  /// there.
  static void dispose(const GroupState* state);

  /// A forked child has neither the threads that wait here nor the committer, and the thread that
  /// held the mutex will not unlock it. There only `is_closed` may be asked.
  [[nodiscard]] bool is_parents() const noexcept { return !made_by.this_process(); }

  /// Publishes the arrival alone, in a forked child; false when the group was closed.
  bool serve_alone(GroupArrival& arrival) noexcept;

  const std::size_t group_size_max;
  const bool has_committer;
  Room room;  ///< The leader's.
  const MadeBy made_by{};
  LeaderQueue queue;
};

}  // namespace detail

/// The error of a commit that came too late.
[[nodiscard]] Error closed_group(const Commit& commit);

}  // namespace perdure
