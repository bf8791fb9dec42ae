// SPDX-License-Identifier: BSL-1.0
// Stages for many commits at once, where that is cheaper than one after the other.
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <perdure/pipeline.hpp>

#include "temp.hpp"

namespace perdure {
namespace {

/// Sorts members by what `key_of` says of the directory that their targets lie in, in their order.
/// Those of whose directory nothing can be known stay alone. Where all have the same directory
/// nothing is asked.
template <class KeyOf>
std::vector<std::vector<Member*>> sorted(Members members, KeyOf key_of) {
  using Place = std::pair<FileSystem*, Handle>;
  using Key = std::tuple<FileSystem*, std::uint64_t, std::uint64_t>;
  const auto place_of = [](const Member* member) {
    return Place{&member->commit->files, member->commit->directory};
  };
  std::map<Place, std::optional<Key>> keys;
  for (const Member* member : members) keys[place_of(member)];
  if (keys.size() == 1) return {{members.begin(), members.end()}};
  for (auto& [place, key] : keys) {
    if (const auto status = place.first->stat(place.second)) {
      key = std::tuple_cat(std::tuple{place.first}, key_of(status.value().version));
    }
  }
  std::vector<std::vector<Member*>> groups;
  std::map<Key, std::size_t> group_of;
  for (Member* member : members) {
    const auto& key = keys[place_of(member)];
    const auto at = key ? group_of.try_emplace(*key, groups.size()).first->second : groups.size();
    if (at == groups.size()) groups.emplace_back();
    groups[at].push_back(member);
  }
  return groups;
}

/// Keys for `sorted`.
std::pair<std::uint64_t, std::uint64_t> device_of(const Version& directory) {
  return {directory.device, 0};
}
std::pair<std::uint64_t, std::uint64_t> itself(const Version& directory) {
  return {directory.device, directory.inode};
}

/// One call that served them all.
void share(Members members, const Result<void>& outcome) {
  for (Member* member : members) {
    if (outcome) {
      member->commit->receipt.together = members.size();
    } else {
      Error error = outcome.error();
      error.path = member->commit->path;
      error.fate = member->commit->fate;
      member->outcome = std::move(error);
    }
  }
}

}  // namespace

void detail::run_together(std::span<Member> members, std::string_view name,
                          const std::function<void(Members)>& stage) {
  std::vector<Member*> whole;
  for (Member& member : members) {
    if (member.outcome) whole.push_back(&member);
  }
  if (whole.empty()) return;
  const auto begin = whole.front()->commit->environment.monotonic();
  stage(whole);
  const auto time = whole.front()->commit->environment.monotonic() - begin;
  for (Member* member : whole) member->commit->receipt.stages.push_back({name, time});
}

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
  for (const auto& group : sorted(members, device_of)) share(group, run(*group.back()->commit));
}

/// All are under way before the sync waits for them, and whatever else is.
void SyncAll::run_together(Members members) const {
  for (const auto& group : sorted(members, device_of)) share(group, run(*group.front()->commit));
}

void SyncAllPublished::run_together(Members members) const {
  SyncAll{}.run_together(members);
}

void SyncParent::run_together(Members members) const {
  for (const auto& group : sorted(members, itself)) share(group, run(*group.front()->commit));
}

}  // namespace perdure
