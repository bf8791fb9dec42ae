// SPDX-License-Identifier: BSL-1.0
// Puts the changes of a journal in place, each by a link and a rename, and settles them.
#include "transaction/apply.hpp"

#include <algorithm>
#include <set>

#include "base/hard_link.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/trust.hpp"
#include "engine/unlink.hpp"
#include "transaction/journal_file.hpp"

namespace perdure {
namespace {

constexpr std::string_view apply_step = "put in place";
constexpr std::string_view settle_step = "settle the transaction";

/// Gives the staged file a second name in the directory, and returns it. It is that of the journal,
/// so that recovery finds it. Where somebody else has that name, it is the name of a temp, which
/// `clean` finds.
SysResult<std::string> link_staged(TransactionRoot& root, const Journal& journal,
                                   const JournalEntry& entry, Handle directory) {
  FileSystem& files = root.files;
  const std::string staged = names::staged_of(journal.id, entry.staged);
  const auto link = [&](const std::string& name) {
    return files.link(root.private_directory.get(), staged, directory, name);
  };
  auto linked = link(entry.apply_temp);
  if (linked) return entry.apply_temp;
  if (linked.error() != std::errc::file_exists) return linked.error();
  BOOST_OUTCOME_TRY(remove_apply_temp(files, directory, entry));
  linked = link(entry.apply_temp);
  if (linked) return entry.apply_temp;
  if (linked.error() != std::errc::file_exists) return linked.error();
  BOOST_OUTCOME_TRY(std::string other, names::make_temp(leaf_of(entry.path), root.random));
  BOOST_OUTCOME_TRY(link(other));
  return other;
}

/// The staged file gets the target's name, and loses its own.
SysResult<void> rename_staged(TransactionRoot& root, const Journal& journal,
                              const JournalEntry& entry, Handle directory) {
  return root.files.rename(root.private_directory.get(), names::staged_of(journal.id, entry.staged),
                           directory, leaf_of(entry.path), RenameMode::replace);
}

bool makes_directory(const Journal& journal, const std::string& path) {
  return std::ranges::any_of(journal.entries, [&](const JournalEntry& entry) {
    return entry.action == JournalAction::make_directory && entry.path == path;
  });
}

/// The same for another user's file, which can't have a second name. A power cut may take an
/// unsynced directory, and the file with it. So the directories on its way that the transaction
/// makes are synced first.
SysResult<void> give_name_up(TransactionRoot& root, const Journal& journal,
                             const JournalEntry& entry, Handle directory,
                             Directories& directories) {
  for (std::string path = parent_of(entry.path); makes_directory(journal, path);) {
    path = parent_of(path);
    BOOST_OUTCOME_TRY(const Handle above, directories.open(path));
    BOOST_OUTCOME_TRY(sync_entries(root.files, above));
  }
  BOOST_OUTCOME_TRY(rename_staged(root, journal, entry, directory));
  return remove_apply_temp(root.files, directory, entry);
}

/// The staged file gets the target's name by way of `temp`, a second one, so that its first one
/// stays for a redo.
SysResult<void> rename_second(TransactionRoot& root, const JournalEntry& entry, Handle directory,
                              const std::string& temp) {
  FileSystem& files = root.files;
  const auto renamed =
      files.rename(directory, temp, directory, leaf_of(entry.path), RenameMode::replace);
  if (!renamed) {
    if (temp != entry.apply_temp) (void)files.unlink(directory, temp);
    return renamed;
  }
  // A rename between two names of one file does nothing (rename(2)): a move onto its own hard link.
  const bool same = entry.before && entry.before->identity == entry.staged_identity;
  if (!same) return success();
  return temp == entry.apply_temp ? remove_apply_temp(files, directory, entry)
                                  : unlink_if_there(files, directory, temp);
}

SysResult<void> put_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                          Handle directory, Directories& directories, StagedName staged) {
  if (staged == StagedName::given_up) return rename_staged(root, journal, entry, directory);
  const auto temp = link_staged(root, journal, entry, directory);
  if (temp) return rename_second(root, entry, directory, temp.value());
  if (staged == StagedName::kept) return temp.error();
  BOOST_OUTCOME_TRY(const bool given_up, has_no_second_name(root, journal, entry, temp.error()));
  return given_up ? give_name_up(root, journal, entry, directory, directories)
                  : SysResult<void>(temp.error());
}

/// False where others put something into it.
SysResult<bool> remove_directory_entry(FileSystem& files, Handle directory,
                                       const JournalEntry& entry) {
  const auto removed = files.remove_directory(directory, leaf_of(entry.path));
  if (removed || is_missing(removed.error())) return true;
  // rmdir(2) has two codes for it.
  const bool holds_something = removed.error() == std::errc::directory_not_empty ||
                               removed.error() == std::errc::file_exists;
  return holds_something ? SysResult<bool>(false) : SysResult<bool>(removed.error());
}

/// Makes a directory that is the keeper's from the first moment of its name. A recovery that is
/// killed could leave one of root's otherwise, which the next one takes for done.
SysResult<void> make_for_keeper(TransactionRoot& root, Handle directory,
                                const JournalEntry& entry) {
  FileSystem& files = root.files;
  const std::string leaf = leaf_of(entry.path);
  const auto there = files.stat_at(directory, leaf);
  if (there) return std::make_error_code(std::errc::file_exists);
  if (!is_missing(there.error())) return there.error();
  // A temp's name, so that `clean` knows it; no longer than the directory's own name.
  BOOST_OUTCOME_TRY(const std::string temp, names::make_temp(leaf, root.random, leaf.size()));
  const auto made = [&]() -> SysResult<void> {
    BOOST_OUTCOME_TRY(files.make_directory(directory, temp, entry.mode));
    BOOST_OUTCOME_TRY(const Handle opened, files.open_beneath(directory, temp));
    const OwnedHandle ours(files, opened);
    BOOST_OUTCOME_TRY(const Status status, files.stat(opened));
    // The keeper can put another directory of root's there.
    BOOST_OUTCOME_TRY(const auto entries, files.list(opened));
    if (status.owner != files.user() || !entries.empty()) {
      return std::make_error_code(std::errc::device_or_resource_busy);
    }
    // With the bit it has the group of the directory above it (mkdir(2)).
    constexpr std::uint32_t set_group_id = 02000;
    const bool inherited = (status.mode & set_group_id) != 0;
    BOOST_OUTCOME_TRY(give_to(files, opened,
                              {root.keeper->owner, inherited ? status.group : root.keeper->group}));
    BOOST_OUTCOME_TRY(sync_entries(files, opened));  // a power cut could undo the gift alone
    return rename_directory(files, directory, temp, directory, leaf);
  }();
  if (!made) (void)files.remove_directory(directory, temp);
  return made;
}

SysResult<void> make_entry(TransactionRoot& root, Handle directory, const JournalEntry& entry,
                           StagedName staged) {
  FileSystem& files = root.files;
  const std::string leaf = leaf_of(entry.path);
  if (entry.changes_type) {
    BOOST_OUTCOME_TRY(unlink_if_there(files, directory, leaf));
  }
  const bool for_keeper = root.keeper && staged == StagedName::kept_of_ours;
  const auto made = for_keeper ? make_for_keeper(root, directory, entry)
                               : files.make_directory(directory, leaf, entry.mode);
  if (made || made.error() != std::errc::file_exists) return made;
  BOOST_OUTCOME_TRY(const Status there, files.stat_at(directory, leaf));
  return there.type == FileType::directory ? SysResult<void>(success()) : made;
}

}  // namespace

SysResult<bool> has_no_second_name(TransactionRoot& root, const Journal& journal,
                                   const JournalEntry& entry, const std::error_code& cause) {
  if (!refuses_hard_links(cause)) return false;
  BOOST_OUTCOME_TRY(
      const Status status,
      root.files.stat_at(root.private_directory.get(), names::staged_of(journal.id, entry.staged)));
  return !is_same_user(root.files, status.owner, root.files.user());
}

SysResult<void> remove_apply_temp(FileSystem& files, Handle directory, const JournalEntry& entry) {
  const auto removed = unlink_if_there(files, directory, entry.apply_temp);
  if (removed) return success();
  const auto there = files.stat_at(directory, entry.apply_temp);
  if (!there && is_missing(there.error())) return success();
  const bool is_ours = !there || identity_of(there.value().version) == entry.staged_identity;
  return is_ours ? removed : SysResult<void>(success());
}

Result<bool> is_untouched(TransactionRoot& root, const JournalEntry& entry,
                          Directories& directories) {
  const auto replaced = directories.is_replaced(parent_of(entry.path));
  if (!replaced) return root.failure(apply_step, entry.path, replaced.error());
  if (replaced.value()) return false;
  directories.is_what_it_is(entry.path);  // when this is done, or left alone
  if (entry.action == JournalAction::make_directory && !entry.changes_type) return true;
  BOOST_OUTCOME_TRY(const auto now,
                    root.checked(apply_step, entry.path, directories.stat(entry.path)));
  if (!now) return !entry.before || entry.action == JournalAction::make_directory;
  if (!entry.before) return false;
  return identity_of(now->version) == entry.before->identity;
}

Result<bool> apply_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                         Directories& directories, StagedName staged) {
  FileSystem& files = root.files;
  const auto directory = directories.open(parent_of(entry.path));
  if (!directory) return root.failure(apply_step, entry.path, directory.error());
  if (removes_directory(entry)) {
    BOOST_OUTCOME_TRY(const bool gone,
                      root.checked(apply_step, entry.path,
                                   remove_directory_entry(files, directory.value(), entry)));
    if (!gone) return false;
  }
  SysResult<void> done = success();
  switch (entry.action) {
    case JournalAction::put:
      done = put_entry(root, journal, entry, directory.value(), directories, staged);
      break;
    case JournalAction::remove:
      done = unlink_if_there(files, directory.value(), leaf_of(entry.path));
      break;
    case JournalAction::make_directory:
      done = make_entry(root, directory.value(), entry, staged);
      break;
    case JournalAction::remove_directory:
      break;
  }
  if (!done) return root.failure(apply_step, entry.path, done.error());
  return true;
}

Result<void> sync_directory_at(TransactionRoot& root, std::string_view step,
                               const std::string& path, Directories& directories) {
  const auto opened = directories.open_if_ours(path);
  if (!opened && opened.error() == std::errc::permission_denied) return sync_root(root, step);
  BOOST_OUTCOME_TRY(const auto directory, root.checked(step, path, opened));
  if (!directory) return success();
  return root.synced(step, path, sync_entries(root.files, *directory));
}

namespace {

/// Makes the names of the files in place durable.
Result<void> sync_named(TransactionRoot& root, const Journal& journal, Directories& directories,
                        std::uint64_t mark) {
  std::set<std::string> named;
  for (const auto& entry : journal.entries) {
    named.insert(parent_of(entry.path));
    if (entry.action == JournalAction::make_directory) named.insert(entry.path);
  }
  for (const auto& path : named) {
    BOOST_OUTCOME_TRY(sync_directory_at(root, settle_step, path, directories));
  }
  // A file system without a journal tells of a lost block once, maybe to another commit of this
  // process. Where the file system's journal failed, no later change reaches the disk, so the
  // transaction's journal stays there.
  if (!sync_failed_since(root.files, root.private_directory.get(), mark)) return success();
  return root.failure(settle_step, "", std::make_error_code(std::errc::io_error));
}

}  // namespace

Result<void> settle(TransactionRoot& root, const Journal& journal, Directories& directories,
                    Protocol protocol, bool recovered, std::uint64_t mark) {
  // With `fast` the disk gets the changes in the order of the calls.
  if (protocol == Protocol::portable) {
    BOOST_OUTCOME_TRY(sync_named(root, journal, directories, mark));
  }
  if (protocol == Protocol::whole) {
    BOOST_OUTCOME_TRY(sync_root(root, settle_step));
  }
  BOOST_OUTCOME_TRY(remove_journal(root, settle_step, protocol, recovered));
  for (const auto& entry : journal.entries) {
    if (entry.action != JournalAction::put) continue;
    BOOST_OUTCOME_TRY(root.checked(settle_step, entry.path,
                                   unlink_if_there(root.files, root.private_directory.get(),
                                                   names::staged_of(journal.id, entry.staged))));
  }
  return success();
}

}  // namespace perdure
