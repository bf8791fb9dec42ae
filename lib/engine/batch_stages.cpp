// SPDX-License-Identifier: BSL-1.0
// Stages for many commits at once, where that is cheaper than one after the other.
#include "engine/batch_stages.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <perdure/pipeline/stages.hpp>

#include "engine/sync.hpp"
#include "engine/temp.hpp"

namespace perdure {
namespace {

void fail(BatchedCommit& member, Error error) {
  error.path = member.commit->path;
  error.fate = member.commit->fate;
  member.outcome = std::move(error);
}

/// Gives all members the outcome of one call.
void give_outcome(BatchedCommits members, const Result<void>& outcome) {
  for (BatchedCommit* member : members) {
    if (outcome) {
      member->commit->receipt.commits_per_sync = members.size();
    } else {
      fail(*member, outcome.error());
    }
  }
}

/// `leader` makes one sync, and asks for the confirmation, for all members on a device. A sync that
/// failed after any member was published concerns all, so the earliest mark counts.
Result<void> confirm_all(const Grouping::Device& device, Commit& leader) {
  for (const BatchedCommit* member : device.members) {
    leader.sync_mark = std::min(leader.sync_mark, member->commit->sync_mark);
  }
  BOOST_OUTCOME_TRY(confirm(leader));
  for (BatchedCommit* member : device.members)
    member->commit->receipt.confirmed = leader.receipt.confirmed;
  return success();
}

Result<void> sync_all_durably(const Grouping::Device& device, Commit& leader,
                              Result<void> (*sync)(Commit&)) {
  BOOST_OUTCOME_TRY(sync(leader));
  return confirm_all(device, leader);
}

}  // namespace

/// Starts the writeback of all before it waits for the first.
void WriteThrough::run_together(BatchedCommits members) const {
  for (BatchedCommit* member : members) {
    member->outcome = Write{}.run(*member->commit);
    if (member->outcome) member->outcome = start_temp(*member->commit);
  }
  for (BatchedCommit* member : members) {
    if (member->outcome) member->outcome = await_temp(*member->commit);
  }
}

void SyncFile::run_together(BatchedCommits members) const {
  for (BatchedCommit* member : members) member->outcome = start_temp(*member->commit);
  for (BatchedCommit* member : members) {
    if (member->outcome) member->outcome = run(*member->commit);
  }
}

void sync_published_of(BatchedCommits members, Grouping& grouping) {
  for (const auto& device : grouping.group(members)) {
    give_outcome(device.members, sync_all_durably(device, *device.last->commit, &sync_published));
  }
}

void SyncPublished::run_together(BatchedCommits members) const {
  Grouping grouping(members.size());
  sync_published_of(members, grouping);
}

/// Starts the writeback of all before the sync waits for them, and for the writes of others.
void SyncAll::run_together(BatchedCommits members) const {
  Grouping grouping(members.size());
  for (const auto& device : grouping.group(members)) {
    give_outcome(device.members, sync_all(*device.members.front()->commit));
  }
}

void sync_all_published_of(BatchedCommits members, Grouping& grouping) {
  for (const auto& device : grouping.group(members)) {
    give_outcome(device.members,
                 sync_all_durably(device, *device.members.front()->commit, &sync_all));
  }
}

void SyncAllPublished::run_together(BatchedCommits members) const {
  Grouping grouping(members.size());
  sync_all_published_of(members, grouping);
}

void sync_parents_of(BatchedCommits members, Grouping& grouping) {
  for (const auto& device : grouping.group(members)) {
    std::optional<Error> failed;
    for (const auto& directory : device.directories) {
      auto synced = sync_parent(*directory.front()->commit);
      give_outcome(directory, synced);
      if (!synced && !failed) failed = std::move(synced.error());
    }
    if (!failed) {
      auto confirmed = confirm_all(device, *device.members.front()->commit);
      if (!confirmed) failed = std::move(confirmed.error());
    }
    if (!failed) continue;
    for (BatchedCommit* member : device.members) {
      if (member->outcome) fail(*member, *failed);
    }
  }
}

void SyncParent::run_together(BatchedCommits members) const {
  Grouping grouping(members.size());
  sync_parents_of(members, grouping);
}

}  // namespace perdure
