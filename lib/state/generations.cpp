// SPDX-License-Identifier: BSL-1.0
// Links, lists and drops generations by their names.
#include "state/generations.hpp"

#include <algorithm>
#include <set>

#include "base/hard_link.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/target.hpp"
#include "engine/trust.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view keep_step = "keep the previous generation";

/// Advice where `link` is refused and a person can do something about it.
Error keep_failure(const Commit& commit, std::error_code cause) {
  Error error = commit.failure(keep_step, cause);
  if (refuses_hard_links(cause)) {
    error.kind = ErrorKind::unsupported;
    error.detail =
        "no hard link can be made here; set previous_max to 0 (--no-previous) to do without";
  }
  return error;
}

/// Whether the file of that name has the content of the current one. Anybody can make a sparse file
/// of any size: it is read only if it has the size of the current one.
bool is_copy(const Commit& commit, const Status& there, const std::string& kept) {
  const std::uint64_t size = commit.existing->version.size;
  if (there.type != FileType::regular || there.version.size != size) return false;
  const auto one = read_steady(commit, kept, size, {});
  const auto current = read_steady(commit, commit.leaf, size, {});
  return one && current && one.value().bytes == current.value().bytes;
}

/// Another file than the current one has the name. If it has the same content (somebody may have
/// copied it back), it stays. Any other file is moved away as evidence, never overwritten.
Result<void> make_room(Commit& commit, const Status& there, const std::string& kept,
                       std::uint64_t generation) {
  if (is_copy(commit, there, kept)) return success();
  const auto away = names::make_damaged(commit.leaf, generation, commit.environment);
  if (!away) return commit.failure(keep_step, away.error());
  const auto renamed = commit.files.rename(commit.directory, kept, commit.directory, away.value(),
                                           RenameMode::replace);
  if (!renamed) return commit.failure(keep_step, renamed.error());
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  if (!linked) return keep_failure(commit, linked.error());
  return success();
}

/// Another user's file has the name, and we can't move it away: the directory is sticky. So we take
/// a name that nobody can guess, and so nobody can plant.
Result<std::string> keep_beside(Commit& commit, std::uint64_t generation, PreviousNames& names) {
  const auto kept = names::make_previous(commit.leaf, generation, commit.environment);
  if (!kept) return commit.failure(keep_step, kept.error());
  const auto linked =
      commit.files.link(commit.directory, commit.leaf, commit.directory, kept.value());
  if (!linked) return keep_failure(commit, linked.error());
  names.know(generation, kept.value());
  return kept.value();
}

/// True when only those stamps differ that our link changes. They are the ctime, and the identity
/// where the link made overlayfs copy the file up from a lower layer. `kept` is the file of the
/// name that we linked. A write whose mtime was set back changes only the ctime, too, so all stamps
/// are compared just before the link.
bool differs_by_link(const Status& now, const Status& before, const SysResult<Status>& kept) {
  const bool same = now.version.same_file(before.version) ||
                    (kept && (now.version.same_file(kept.value().version) ||
                              may_be_one_file(now.version, kept.value().version)));
  return same && now.version.size == before.version.size &&
         now.version.mtime_ns == before.version.mtime_ns && now.mode == before.mode &&
         now.owner == before.owner && now.group == before.group;
}

/// Whether it is the state that the commit expects.
Result<bool> is_expected(const Commit& commit, const std::optional<Status>& found) {
  if (!found || !commit.existing || !commit.expected) return false;
  return has_version(commit, commit.leaf, *found, *commit.expected);
}

/// Whether the file may decide about the state. Costs a call only where an owner matters, or the
/// list did not give its type.
bool counts(FileSystem& files, Handle directory, const Status& directory_status,
            const DirectoryEntry& entry) {
  const bool regular = entry.type == FileType::regular;
  if (regular && !do_owners_matter(directory_status)) return true;
  if (!regular && entry.type != FileType::other) return false;
  const auto status = files.stat_at(directory, entry.name);
  return status && status.value().type == FileType::regular &&
         is_owner_trusted(files, directory_status, status.value().owner);
}

}  // namespace

std::string PreviousNames::of(const std::string& leaf, std::uint64_t generation) const {
  const auto found = unusual_.find(generation);
  return found == unusual_.end() ? names::previous_of(leaf, generation) : found->second;
}

Result<void> KeepGeneration::run(Commit& commit) const {
  if (!generation || !commit.existing) return success();
  BOOST_OUTCOME_TRY(const auto before, current_status(commit));
  BOOST_OUTCOME_TRY(const bool expected, is_expected(commit, before));
  if (!expected) return success();  // Rename refuses
  std::string kept = names->of(commit.leaf, *generation);
  auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  const bool taken = !linked && linked.error() == std::errc::file_exists;
  if (!linked && !taken) return keep_failure(commit, linked.error());
  if (taken) {  // a crash between link and publish left it, or it is somebody else's
    const auto there = commit.files.stat_at(commit.directory, kept);
    if (!there) return commit.failure(keep_step, there.error());
    if (!is_owner_trusted(commit.files, *commit.directory_status, there.value().owner)) {
      BOOST_OUTCOME_TRY(kept, keep_beside(commit, *generation, *names));
      linked = success();
    } else if (!there.value().version.same_file(commit.existing->version)) {
      BOOST_OUTCOME_TRY(make_room(commit, there.value(), kept, *generation));
    }
  }
  BOOST_OUTCOME_TRY(const auto now, current_status(commit));
  const bool same_file = now && now->version.same_file(commit.existing->version);
  const auto kept_now =
      same_file ? SysResult<Status>(*now) : commit.files.stat_at(commit.directory, kept);
  bool unchanged = now && differs_by_link(*now, *commit.existing, kept_now);
  if (unchanged) {  // in this tick somebody may have written to it, and no time tells
    BOOST_OUTCOME_TRY(unchanged, has_content_of(commit, commit.leaf, *now, *commit.expected));
  }
  if (unchanged) {
    // Rename follows at once, and need not look again. In a group the rename waits for the leader,
    // and looks again.
    commit.expected.reset();
    if (commit.options.group) {
      BOOST_OUTCOME_TRY(commit.expected, version_at(commit, commit.leaf, *now));
    }
    return success();
  }
  // Somebody replaced the file just now, so the file that got the name is not that generation.
  // Rename refuses to go on.
  if (linked) (void)commit.files.unlink(commit.directory, kept);
  return success();
}

Result<void> DropGenerations::run(Commit& commit) const {
  for (const auto generation : *generations) {
    (void)commit.files.unlink(commit.directory, names->of(commit.leaf, generation));
    names->forget(generation);
  }
  return success();
}

SysResult<Generations> list_generations(FileSystem& files, Handle directory,
                                        const Status& directory_status, const std::string& leaf) {
  const auto entries = files.list(directory);
  if (!entries) return entries.error();
  Generations found;
  std::set<std::uint64_t> usual_names;
  for (const auto& entry : entries.value()) {
    const auto count = [&](std::uint64_t number) {
      found.generation_max = std::max(found.generation_max, number);
      return number;
    };
    const auto previous = names::parse_previous(entry.name, leaf);
    const auto damaged = previous ? std::nullopt : names::parse_damaged(entry.name, leaf);
    if ((!previous && !damaged) || !counts(files, directory, directory_status, entry)) continue;
    if (damaged) {
      found.damaged.emplace(count(*damaged), entry.name);
      continue;
    }
    const bool usual = entry.name == names::previous_of(leaf, *previous);
    if (usual) {
      usual_names.insert(*previous);
    } else {
      found.names.know(*previous, entry.name);
    }
    found.previous.push_back(count(*previous));
  }
  for (const auto number : usual_names) found.names.forget(number);
  std::sort(found.previous.rbegin(), found.previous.rend());
  const auto again = std::unique(found.previous.begin(), found.previous.end());
  found.previous.erase(again, found.previous.end());  // a number may have two names
  return found;
}

}  // namespace perdure
