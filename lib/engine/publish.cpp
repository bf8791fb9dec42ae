// SPDX-License-Identifier: BSL-1.0
// How a temp becomes the target: renamed over it, linked where nothing may be, or behind a backup.
#include "engine/publish.hpp"

#include "base/hard_link.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/target.hpp"
#include "engine/temp.hpp"
#include "engine/trust.hpp"
#include "engine/unlink.hpp"

namespace perdure {
namespace {

constexpr std::string_view publish_step = "publish";

/// The publish failed. It may have happened all the same, if a network file system lost the answer:
/// finds out.
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

/// The link that the step needs was refused. Either the file system has no hard links, or it
/// refuses one to this file (another user's; protected_hardlinks in proc(5)). A link to the temp,
/// which is ours, tells which. `instead` says what a user can do without links.
Error link_failure(const Commit& commit, std::string_view step, std::error_code refusal,
                   const std::string& instead) {
  Error error = commit.failure(step, refusal);
  if (!refuses_hard_links(refusal)) return error;
  const auto name = names::make_temp(commit.leaf, commit.environment);
  if (!name) return error;
  const auto linked =
      commit.files.link(commit.directory, commit.temp_name, commit.directory, name.value());
  const auto removed = unlink_if_there(commit.files, commit.directory, name.value());
  if (!linked && linked.error() == refusal) {
    error.kind = ErrorKind::unsupported;
    error.detail = "this file system has no hard links; " + instead;
  }
  if (!removed) {
    error.detail += (error.detail.empty() ? "'" : "; '") + name.value() + "' is left";
  }
  return error;
}

/// Replaces renameat2 with RENAME_NOREPLACE where the file system does not have it (ZFS, NFS). A
/// link fails when the name is taken, just as atomically.
Result<void> publish_by_link(Commit& commit) {
  const auto linked =
      commit.files.link(commit.directory, commit.temp_name, commit.directory, commit.leaf);
  if (!linked) {
    Error error = publish_failure(commit, linked.error());
    if (error.kind != ErrorKind::system || commit.fate != Fate::unchanged) return error;
    return link_failure(commit, publish_step, linked.error(),
                        "expect the target to be absent instead (--expect absent), which its lock "
                        "decides");
  }
  commit.fate = Fate::visible;
  return unlink_temp(commit);
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

/// Replaces an existing backup by way of a temp name, so that there is a backup at every moment.
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
    // Nobody has the old content open for writing, so `clean` may have taken its temp name for a
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
  return link_failure(commit, backup_step, linked.error(),
                      "copy the old content first, and write without a backup");
}

/// Publishes a first content, where there is no old one for a backup. If somebody made the file
/// since the look, `existing` has it now, and it is not replaced without a backup.
Result<bool> publish_first(Commit& commit) {
  auto published = publish_new(commit);
  if (published) return true;
  const ErrorKind kind = published.error().kind;
  if (kind == ErrorKind::exists) {
    BOOST_OUTCOME_TRY(commit.existing, current_status(commit));
    return false;
  }
  // `unsupported` means neither RENAME_NOREPLACE nor hard links: then there can be no backup
  // either.
  if (kind == ErrorKind::unsupported && commit.fate == Fate::unchanged) return false;
  return std::move(published.error());
}

/// Gives the temp the target's name, as the options say.
Result<void> give_name(Commit& commit) {
  if (commit.expected) {
    BOOST_OUTCOME_TRY(const auto now, current_status(commit));
    BOOST_OUTCOME_TRY(check_expected(commit, now));
  }
  if (commit.options.existing == ExistingPolicy::keep) return publish_new(commit);
  if (commit.options.existing == ExistingPolicy::backup) {
    bool published = false;
    if (!commit.existing) {
      BOOST_OUTCOME_TRY(published, publish_first(commit));
    }
    if (published) return success();
    if (commit.existing) {
      BOOST_OUTCOME_TRY(keep_backup(commit));
    }
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

/// Whether somebody other than this user and root can put something else in the place of the temp,
/// or of the target after the publish.
bool can_be_exchanged(const Commit& commit) {
  if (!commit.directory_status) return false;
  const NameWriters writers = name_writers(commit.files, *commit.directory_status);
  return writers == NameWriters::many || writers == NameWriters::owner;
}

/// Others who may write to the directory can exchange the temp for a file of theirs before the
/// rename, or the target after it. We would call their content ours. So in such a directory one
/// look finds out whose file has the name. A later commit of this user, of root or of the
/// directory's owner does not make ours fail: plain replaces are last-writer-wins. If the old file
/// still has the name, our commit fails: a rename between two names of one file does nothing, and
/// returns success.
Result<void> check_published(Commit& commit) {
  if (!can_be_exchanged(commit)) return success();
  const auto there = commit.files.stat_at(commit.directory, commit.leaf);
  if (!there && is_missing(there.error())) return success();  // removed since, as anybody may here
  if (!there) return commit.failure(publish_step, there.error());
  const Status& found = there.value();
  const bool trusted = is_user_or_root(commit.files, found.owner) ||
                       is_same_user(commit.files, found.owner, commit.directory_status->owner);
  const bool is_old = commit.existing && found.version.same_file(commit.existing->version);
  if (trusted && !is_old) return success();
  const auto temp = commit.files.stat(commit.temp.get());
  if (!temp) return commit.failure(publish_step, temp.error());
  if (found.version.same_file(temp.value().version)) return success();
  commit.fate = Fate::unknown;
  return commit.failure(publish_step, ErrorKind::untrusted,
                        (is_old ? std::string("somebody exchanged the new file for the old one")
                                : "user " + std::to_string(found.owner) +
                                      " put a file there in the place of the new one") +
                            ", as others who may write to the directory can; commit into a "
                            "directory that only you can write to");
}

/// Others know the name of an adopted file: somebody may have put another one there, or go on
/// writing. So we check, directly before the rename, that it is the file that was synced, and that
/// nobody has it open for writing.
Result<void> check_adopted(const Commit& commit) {
  const auto now = commit.files.stat(commit.temp.get());
  if (!now) return commit.failure(publish_step, now.error());
  const auto named = commit.files.stat_at(commit.directory, commit.temp_name);
  if (!named && !is_missing(named.error())) return commit.failure(publish_step, named.error());
  const auto conflict = [&](std::string detail) {
    return commit.failure(publish_step, ErrorKind::conflict,
                          "'" + commit.temp_name + "': " + std::move(detail));
  };
  const Version& found = commit.adopted->version;
  const Version& version = now.value().version;
  if (!named || !named.value().version.same_file(version) || now.value().links != 1) {
    return conflict("somebody removed it, replaced it, or gave it another name in the meantime");
  }
  if (version.size != found.size || version.mtime_ns != found.mtime_ns) {
    return conflict("somebody wrote to it in the meantime");
  }
  const auto live = commit.files.open_for_writing(commit.temp.get());
  if (live && live.value()) return conflict("somebody has it open for writing still");
  return success();
}

/// The rename took the file by its name. Where the target is not the file that was synced, nobody
/// knows whether somebody exchanged it before the rename, or replaced the target after it.
Result<void> check_adopted_published(Commit& commit) {
  const auto there = commit.files.stat_at(commit.directory, commit.leaf);
  const auto temp = commit.files.stat(commit.temp.get());
  if (there && temp && there.value().version.same_file(temp.value().version)) return success();
  commit.fate = Fate::unknown;
  if (!temp) return commit.failure(publish_step, temp.error());
  if (!there && !is_missing(there.error())) return commit.failure(publish_step, there.error());
  return commit.failure(publish_step, ErrorKind::conflict,
                        "somebody exchanged the file that was written, or replaced the target, at "
                        "this moment");
}

}  // namespace

Result<void> publish(Commit& commit) {
  if (!is_temp_ours(commit)) return not_ours(commit, publish_step);
  commit.sync_mark = failed_syncs();
  if (commit.adopted) {
    BOOST_OUTCOME_TRY(check_adopted(commit));
  }
  BOOST_OUTCOME_TRY(give_name(commit));
  if (commit.adopted) {
    BOOST_OUTCOME_TRY(check_adopted_published(commit));
  }
  if (commit.expected || commit.options.report_version) {
    commit.published = commit.files.stat(commit.temp.get());  // a failure is told behind the syncs
  }
  return check_published(commit);
}

}  // namespace perdure
