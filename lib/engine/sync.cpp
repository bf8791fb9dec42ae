// SPDX-License-Identifier: BSL-1.0
// Syncs a published file, its directory or its file system, and confirms it.
#include "engine/sync.hpp"

#include "engine/confirm.hpp"
#include "engine/directory.hpp"

namespace perdure {
namespace {

constexpr std::string_view confirm_step = "confirm the sync";

/// A failed sync of names is remembered, since the kernel reports it only once.
Result<void> noted(const Target& target, std::string_view step, const SysResult<void>& synced,
                   Handle handle) {
  if (synced) return success();
  note_failed_sync(target.files, handle);
  return target.failure(step, synced.error());
}

Result<void> sync_names(const Target& target) {
  auto synced = noted(target, "sync the directory", target.files.sync_directory(target.directory),
                      target.directory);
  if (!synced) explain_directory_sync(synced.error());
  return synced;
}

Error unconfirmed(const Target& target, std::error_code cause) {
  return explain_dead_journal(target.failure(confirm_step, cause));
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
  const auto synced = files.sync_directory(directory);
  if (!synced) {
    note_failed_sync(files, directory);
    return synced.error();
  }
  BOOST_OUTCOME_TRY(confirm_syncs(files, directory, Handle::none, mark));
  return success();
}

}  // namespace perdure
