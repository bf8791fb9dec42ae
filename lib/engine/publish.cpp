// SPDX-License-Identifier: BSL-1.0
// How a temp becomes the target: renamed over it, linked where nothing may be, or behind a backup.
#include "engine/publish.hpp"

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"
#include "engine/unlink.hpp"

namespace perdure {
namespace {

constexpr std::string_view publish_step = "publish";

/// The publish failed: has it happened all the same (a network file system's lost answer)?
void find_out_fate(Commit& commit) {
  const auto temp = commit.files.stat(commit.temp.get());
  const auto is_temp = [&](const SysResult<Status>& found) {
    return temp && found && found.value().version.same_file(temp.value().version);
  };
  const auto at_target = commit.files.stat_at(commit.directory, commit.leaf);
  const auto at_temp = commit.files.stat_at(commit.directory, commit.temp_name);
  const bool target_known = at_target || is_missing(at_target.error());
  if (is_temp(at_target)) {
    commit.fate = Fate::visible;
    if (!is_temp(at_temp)) commit.temp_name.clear();
  } else if (!target_known || !is_temp(at_temp)) {
    commit.fate = Fate::unknown;
  }
}

Error publish_failure(Commit& commit, std::error_code cause) {
  find_out_fate(commit);
  if (cause == std::errc::file_exists && commit.fate == Fate::unchanged) {
    return commit.failure(publish_step, ErrorKind::exists, "the target exists, and is to be kept");
  }
  return commit.failure(publish_step, cause);
}

/// Does what renameat2 with RENAME_NOREPLACE does, where the file system does not know it (ZFS,
/// NFS): a link fails when the name is taken, just as atomically.
Result<void> publish_by_link(Commit& commit) {
  const auto linked =
      commit.files.link(commit.directory, commit.temp_name, commit.directory, commit.leaf);
  if (!linked) return publish_failure(commit, linked.error());
  commit.fate = Fate::visible;
  return remove_temp(commit);
}

Result<void> publish_new(Commit& commit) {
  const auto renamed = commit.files.rename(commit.directory, commit.temp_name, commit.directory,
                                           commit.leaf, RenameMode::no_replace);
  if (renamed) {
    commit.temp_name.clear();
    commit.fate = Fate::visible;
    return success();
  }
  if (renamed.error() == std::errc::invalid_argument ||
      renamed.error() == std::errc::function_not_supported) {
    return publish_by_link(commit);
  }
  return publish_failure(commit, renamed.error());
}

constexpr std::string_view backup_step = "keep a backup";

/// Replaces the backup that exists by way of a temp name, so that there is one at every moment.
Result<void> replace_backup(Commit& commit, const std::string& backup) {
  constexpr int attempts_max = 100;
  for (int attempt = 1;; ++attempt) {
    const auto between = names::make_temp(commit.leaf, commit.environment);
    if (!between) return commit.failure(backup_step, between.error());
    const std::string& name = between.value();
    const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, name);
    if (!linked) {
      const bool taken = linked.error() == std::errc::file_exists;  // not ours to remove
      if (!taken) (void)commit.files.unlink(commit.directory, name);
      return commit.failure(backup_step, linked.error());
    }
    const auto renamed =
        commit.files.rename(commit.directory, name, commit.directory, backup, RenameMode::replace);
    // When both are the same file already, the rename does nothing and succeeds (rename(2)).
    const auto removed = unlink_if_there(commit.files, commit.directory, name);
    const bool left = !removed;
    if (renamed && !left) return success();
    // Nobody has the old content open for writing, so that `clean` may take its temp name for a
    // stale one.
    const bool cleaned = !renamed && is_missing(renamed.error());
    if (cleaned && !left && attempt < attempts_max) continue;
    Error error = commit.failure(backup_step, renamed ? removed.error() : renamed.error());
    if (left) error.detail = "'" + name + "' is left";
    return error;
  }
}

/// Gives the old content its second name.
Result<void> keep_backup(Commit& commit) {
  const std::string backup = names::backup_of(commit.leaf, commit.options.backup_suffix);
  const auto linked = commit.files.link(commit.directory, commit.leaf, commit.directory, backup);
  if (linked) return success();
  if (linked.error() == std::errc::file_exists) return replace_backup(commit, backup);
  return commit.failure(backup_step, linked.error());
}

}  // namespace

Result<void> publish(Commit& commit) {
  if (!is_temp_ours(commit)) return not_ours(commit, publish_step);
  commit.sync_mark = failed_syncs();
  if (commit.expected) {
    BOOST_OUTCOME_TRY(const auto now, look(commit));
    BOOST_OUTCOME_TRY(check_expected(commit, now));
  }
  if (commit.options.existing == ExistingPolicy::keep) return publish_new(commit);
  if (commit.options.existing == ExistingPolicy::backup && commit.existing) {
    BOOST_OUTCOME_TRY(keep_backup(commit));
  }
  const auto renamed = commit.files.rename(commit.directory, commit.temp_name, commit.directory,
                                           commit.leaf, RenameMode::replace);
  if (!renamed) {
    find_out_fate(commit);
    Error error = commit.failure(publish_step, renamed.error());
    if (renamed.error() == std::errc::device_or_resource_busy) error.kind = ErrorKind::mount_point;
    return error;
  }
  commit.temp_name.clear();
  commit.fate = Fate::visible;
  return success();
}

}  // namespace perdure
