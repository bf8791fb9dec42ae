// SPDX-License-Identifier: BSL-1.0
// Links, lists and drops generations by their names.
#include "state/generations.hpp"

#include <algorithm>

#include "engine/directory.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/target.hpp"

namespace perdure {
namespace {

constexpr std::string_view keep_step = "keep the previous generation";

/// Advice where `link` is refused and a person can do something about it.
Error keep_failure(const Commit& commit, std::error_code cause) {
  Error error = commit.failure(keep_step, cause);
  if (cause == std::errc::operation_not_permitted || cause == std::errc::operation_not_supported) {
    error.kind = ErrorKind::unsupported;
    error.detail = "no hard link can be made here; set previous_max to 0 to do without";
  }
  return error;
}

/// The name is taken by a file that is not the current one. The same content, copied back by hand
/// maybe, will do; anything else is moved away as evidence, never overwritten.
Result<void> make_room(Commit& commit, const std::string& kept, std::uint64_t generation) {
  const auto there = read_steady(commit, kept, UINT64_MAX, {});
  const auto current = read_steady(commit, commit.leaf, UINT64_MAX, {});
  if (there && current && there.value().bytes == current.value().bytes) return success();
  const auto away = names::make_damaged(commit.leaf, generation, commit.environment);
  if (!away) return commit.failure(keep_step, away.error());
  const auto renamed = commit.files.rename(commit.directory, kept, commit.directory, away.value(),
                                           RenameMode::replace);
  if (!renamed) return commit.failure(keep_step, renamed.error());
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  if (!linked) return keep_failure(commit, linked.error());
  return success();
}

/// True when nothing but the ctime differs: that is what our link changes. A write whose mtime was
/// set back changes nothing else either, so the whole version is compared just before the link.
bool differs_by_link(const Status& now, const Status& before) {
  Version version = now.version;
  version.ctime_ns = before.version.ctime_ns;
  return version == before.version && now.mode == before.mode && now.owner == before.owner &&
         now.group == before.group;
}

/// Whether a generation's name counts; the files of others in a sticky directory do not.
bool is_trusted(FileSystem& files, Handle directory, const Status& directory_status,
                const std::string& name) {
  if (!is_open_to_all(directory_status)) return true;  // no owner matters: no call is needed
  const auto status = files.stat_at(directory, name);
  return status && is_owner_trusted(files, directory_status, status.value().owner);
}

}  // namespace

Result<void> KeepGeneration::run(Commit& commit) const {
  if (!generation || !commit.existing) return success();
  BOOST_OUTCOME_TRY(const auto before, look(commit));
  if (!before || before->version != commit.existing->version) return success();  // Rename refuses
  const std::string kept = names::previous_of(commit.leaf, *generation);
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, kept);
  const bool taken = !linked && linked.error() == std::errc::file_exists;
  if (!linked && !taken) return keep_failure(commit, linked.error());
  if (taken) {  // a crash between link and publish left it, or it is somebody else's
    const auto there = commit.files.stat_at(commit.directory, kept);
    if (!there) return commit.failure(keep_step, there.error());
    if (!there.value().version.same_file(commit.existing->version)) {
      BOOST_OUTCOME_TRY(make_room(commit, kept, *generation));
    }
  }
  BOOST_OUTCOME_TRY(const auto now, look(commit));
  if (now && differs_by_link(*now, *commit.existing)) {
    // Rename follows at once, and need not look again. In company it follows when the leader comes.
    commit.expected.reset();
    if (commit.options.group) commit.expected = now->version;
    return success();
  }
  // Somebody replaced the file just now, and what got the name is not that generation. Rename
  // refuses to go on.
  if (linked) (void)commit.files.unlink(commit.directory, kept);
  return success();
}

Result<void> DropGenerations::run(Commit& commit) const {
  for (const auto generation : *generations) {
    (void)commit.files.unlink(commit.directory, names::previous_of(commit.leaf, generation));
  }
  return success();
}

SysResult<Generations> list_generations(FileSystem& files, Handle directory,
                                        const Status& directory_status, const std::string& leaf) {
  const auto entries = files.list(directory);
  if (!entries) return entries.error();
  Generations found;
  for (const auto& entry : entries.value()) {
    const auto count = [&](std::uint64_t number) {
      found.generation_max = std::max(found.generation_max, number);
      return number;
    };
    const auto trusted = [&] { return is_trusted(files, directory, directory_status, entry.name); };
    if (const auto previous = names::parse_previous(entry.name, leaf)) {
      if (trusted()) found.previous.push_back(count(*previous));
    } else if (const auto damaged = names::parse_damaged(entry.name, leaf)) {
      if (trusted()) found.damaged[count(*damaged)] = entry.name;
    }
  }
  std::sort(found.previous.rbegin(), found.previous.rend());
  return found;
}

}  // namespace perdure
