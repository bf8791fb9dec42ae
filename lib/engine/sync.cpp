// SPDX-License-Identifier: BSL-1.0
// Syncs a published file, its directory or its file system, and confirms it.
#include "engine/sync.hpp"

#include "engine/confirm.hpp"
#include "engine/directory.hpp"

namespace perdure {
namespace {

constexpr std::string_view confirm_step = "confirm the sync";

Result<void> sync_names(const Target& target) {
  const auto synced = sync_entries(target.files, target.directory);
  if (synced) return success();
  Error error = target.failure("sync the directory", synced.error());
  explain_directory_sync(error);
  return error;
}

Error unconfirmed(const Target& target, std::error_code cause) {
  return explain_dead_journal(target.failure(confirm_step, cause));
}

}  // namespace

Result<void> sync_published(Commit& commit) {
  const Handle file = commit.temp.get();
  const auto synced = noted(commit.files, file, commit.files.sync_file(file));
  return synced ? success()
                : Result<void>(commit.failure("sync the published file", synced.error()));
}

Result<void> sync_all(Commit& commit) {
  // syncfs(2) tells each open file of a failed writeback, once. Other threads may commit by the
  // handle of the directory; that of the temp is this commit's.
  const Handle at = commit.temp ? commit.temp.get() : commit.directory;
  const auto synced = noted(commit.files, at, commit.files.sync_file_system(at));
  return synced ? success() : Result<void>(commit.failure("sync the file system", synced.error()));
}

Result<void> sync_parent(Commit& commit) {
  return sync_names(commit);
}

Result<void> sync_parent_durably(const Target& target, std::uint64_t mark) {
  BOOST_OUTCOME_TRY(sync_names(target));
  const auto alive = confirm_syncs(target.files, target.directory, Handle::none, mark);
  return alive ? success() : Result<void>(unconfirmed(target, alive.error()));
}

Result<void> confirm(Commit& commit) {
  const auto alive =
      confirm_syncs(commit.files, commit.directory, commit.temp.get(), commit.sync_mark);
  if (!alive) return unconfirmed(commit, alive.error());
  commit.receipt.confirmed = alive.value();
  return success();
}

Result<void> sync_durably(Commit& commit, Result<void> (*sync)(Commit&)) {
  BOOST_OUTCOME_TRY(sync(commit));
  return confirm(commit);
}

SysResult<void> sync_directory_durably(FileSystem& files, Handle directory, std::uint64_t mark) {
  BOOST_OUTCOME_TRY(sync_entries(files, directory));
  BOOST_OUTCOME_TRY(confirm_syncs(files, directory, Handle::none, mark));
  return success();
}

}  // namespace perdure
