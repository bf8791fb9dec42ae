// SPDX-License-Identifier: BSL-1.0
// Stages for many commits at once, where that is cheaper than one after the other.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <perdure/pipeline/stages.hpp>

#include "engine/sync.hpp"
#include "engine/temp.hpp"

namespace perdure {
namespace {

/// Members whose targets lie on one device, in their order, and the same by directory.
struct OneDevice {
  std::vector<Member*> members;
  std::vector<std::vector<Member*>> directories;
};

/// Groups members by device and directory. A member whose directory can't be identified gets a
/// device of its own. If all share one directory, no stat is made.
std::vector<OneDevice> by_device(Members members) {
  using Opened = std::pair<FileSystem*, Handle>;
  const auto opened_by = [](const Member* member) {
    return Opened{&member->commit->files, member->commit->directory};
  };
  std::map<Opened, std::optional<Version>> found;
  for (const Member* member : members) found[opened_by(member)];
  if (found.size() == 1) {
    std::vector<Member*> all(members.begin(), members.end());
    return {{all, {all}}};
  }
  for (auto& [opened, version] : found) {
    if (const auto status = opened.first->stat(opened.second)) version = status.value().version;
  }
  std::vector<OneDevice> devices;
  std::map<std::pair<FileSystem*, std::uint64_t>, std::size_t> device_at;
  std::map<std::pair<std::size_t, std::uint64_t>, std::size_t> directory_at;
  for (Member* member : members) {
    const Opened opened = opened_by(member);
    const auto& version = found[opened];
    const auto device =
        version
            ? device_at.try_emplace({opened.first, version->device}, devices.size()).first->second
            : devices.size();
    if (device == devices.size()) devices.emplace_back();
    auto& [all, directories] = devices[device];
    const auto directory =
        version
            ? directory_at.try_emplace({device, version->inode}, directories.size()).first->second
            : directories.size();
    if (directory == directories.size()) directories.emplace_back();
    all.push_back(member);
    directories[directory].push_back(member);
  }
  return devices;
}

void fail(Member& member, Error error) {
  error.path = member.commit->path;
  error.fate = member.commit->fate;
  member.outcome = std::move(error);
}

/// One call that served them all.
void share(Members members, const Result<void>& outcome) {
  for (Member* member : members) {
    if (outcome) {
      member->commit->receipt.together = members.size();
    } else {
      fail(*member, outcome.error());
    }
  }
}

/// One sync, and the confirmation, for all that lie on a device: `leader` makes it. No member's
/// publish may have met a sync that failed, so the earliest mark counts.
Result<void> confirm_all(const OneDevice& device, Commit& leader) {
  for (const Member* member : device.members) {
    leader.sync_mark = std::min(leader.sync_mark, member->commit->sync_mark);
  }
  BOOST_OUTCOME_TRY(confirm(leader));
  for (Member* member : device.members)
    member->commit->receipt.confirmed = leader.receipt.confirmed;
  return success();
}

Result<void> sync_all_durably(const OneDevice& device, Commit& leader,
                              Result<void> (*sync)(Commit&)) {
  BOOST_OUTCOME_TRY(sync(leader));
  return confirm_all(device, leader);
}

}  // namespace

/// All are under way before the first is waited for.
void WriteThrough::run_together(Members members) const {
  for (Member* member : members) {
    member->outcome = Write{}.run(*member->commit);
    // A hint: what is awaited below is all of it.
    if (member->outcome) (void)member->commit->files.start_writeback(member->commit->temp.get());
  }
  for (Member* member : members) {
    if (member->outcome) member->outcome = await_temp(*member->commit);
  }
}

void SyncFile::run_together(Members members) const {
  for (Member* member : members) {
    (void)member->commit->files.start_writeback(member->commit->temp.get());  // a hint
  }
  for (Member* member : members) member->outcome = run(*member->commit);
}

void SyncPublished::run_together(Members members) const {
  for (const auto& device : by_device(members)) {
    share(device.members,
          sync_all_durably(device, *device.members.back()->commit, &sync_published));
  }
}

/// All are under way before the sync waits for them, and whatever else is.
void SyncAll::run_together(Members members) const {
  for (const auto& device : by_device(members)) {
    share(device.members, sync_all(*device.members.front()->commit));
  }
}

void SyncAllPublished::run_together(Members members) const {
  for (const auto& device : by_device(members)) {
    share(device.members, sync_all_durably(device, *device.members.front()->commit, &sync_all));
  }
}

/// A journal that failed may tell the first directory's sync alone, so one failed sync counts for
/// every member on that device.
void SyncParent::run_together(Members members) const {
  for (const auto& device : by_device(members)) {
    std::optional<Error> failed;
    for (const auto& directory : device.directories) {
      auto synced = sync_parent(*directory.front()->commit);
      share(directory, synced);
      if (!synced && !failed) failed = std::move(synced.error());
    }
    if (!failed) {
      auto confirmed = confirm_all(device, *device.members.front()->commit);
      if (!confirmed) failed = std::move(confirmed.error());
    }
    if (!failed) continue;
    for (Member* member : device.members) {
      if (member->outcome) fail(*member, *failed);
    }
  }
}

}  // namespace perdure
