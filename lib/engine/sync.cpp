// SPDX-License-Identifier: BSL-1.0
// Syncs a published file, its directory or its file system, and confirms it.
#include "engine/sync.hpp"

#include "engine/confirm.hpp"
#include "engine/directory.hpp"

namespace perdure {
namespace {

constexpr std::string_view confirm_step = "confirm the sync";

/// A failed sync of names is remembered: the kernel tells nobody else of it.
Result<void> noted(Commit& commit, std::string_view step, const SysResult<void>& synced,
                   Handle handle) {
  if (synced) return success();
  note_failed_sync(commit.files, handle);
  return commit.failure(step, synced.error());
}

}  // namespace

Result<void> sync_published(Commit& commit) {
  const Handle file = commit.temp.get();
  return noted(commit, "sync the published file", commit.files.sync_file(file), file);
}

Result<void> sync_all(Commit& commit) {
  return noted(commit, "sync the file system", commit.files.sync_file_system(commit.directory),
               commit.directory);
}

Result<void> sync_parent(Commit& commit) {
  auto synced = noted(commit, "sync the directory", commit.files.sync_directory(commit.directory),
                      commit.directory);
  if (!synced) explain_directory_sync(synced.error());
  return synced;
}

Result<void> confirm(Commit& commit) {
  const auto alive =
      confirm_syncs(commit.files, commit.directory, commit.temp.get(), commit.sync_mark);
  if (!alive) return explain_dead_journal(commit.failure(confirm_step, alive.error()));
  commit.receipt.confirmed = alive.value();
  return success();
}

Result<void> sync_durably(Commit& commit, Result<void> (*sync)(Commit&)) {
  BOOST_OUTCOME_TRY(sync(commit));
  return confirm(commit);
}

SysResult<void> sync_directory_durably(FileSystem& files, Handle directory, std::uint64_t mark) {
  const auto synced = files.sync_directory(directory);
  if (!synced) {
    note_failed_sync(files, directory);
    return synced.error();
  }
  BOOST_OUTCOME_TRY(confirm_syncs(files, directory, Handle::none, mark));
  return success();
}

}  // namespace perdure
