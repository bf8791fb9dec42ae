// SPDX-License-Identifier: BSL-1.0
// Puts the paths of a journal in place, and settles them.
#pragma once

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Whether nobody replaced, made or removed the path since the transaction was checked. A write
/// into the file that is to be replaced does not save that file: it counts as earlier than the
/// rename.
Result<bool> is_untouched(TransactionRoot& root, const JournalEntry& entry,
                          Directories& directories);

/// Unlinks the apply temp of the entry, if it is there. Where others may write to the directory,
/// they know its name, and may have put something there that can't be unlinked: that stays.
SysResult<void> remove_apply_temp(FileSystem& files, Handle directory, const JournalEntry& entry);

/// Whether a staged file keeps its name when it gets its path.
enum class StagedName {
  kept,  ///< It keeps its own name, too, so that every step is safe to repeat.
  /// For recoveries. The same, but the file loses its own name where the kernel refuses a second
  /// one, since the file is another user's (protected_hardlinks in proc(5)). For example root, the
  /// user, staged it in a service's root, and the service recovers. A redo finds the file at its
  /// path, as the rename is one change on the disk.
  kept_of_ours,
  given_up,
};

/// Whether `cause` says that the kernel refuses this user a hard link to another user's staged
/// file.
SysResult<bool> has_no_second_name(TransactionRoot& root, const Journal& journal,
                                   const JournalEntry& entry, const std::error_code& cause);

/// Puts one path in place. False where the path is left alone, since others put something into a
/// directory that is to go. A recovery by root in another user's root makes directories for the
/// keeper (TransactionRoot).
Result<bool> apply_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                         Directories& directories, StagedName staged = StagedName::kept);

/// Syncs the directory at `path`, if it is still the one of the journal. A directory that this user
/// may write to but not read (mode 0300) can't be opened for that: then everything is synced.
Result<void> sync_directory_at(TransactionRoot& root, std::string_view step,
                               const std::string& path, Directories& directories);

/// Call it after all paths are in place. Syncs their directories, then removes the journal,
/// durably, then the staged files. A journal that came back after a power cut would undo later
/// commits of others; this order prevents that. With `fast` nothing is synced: the disk gets these
/// changes before any later change of others. `recovered`: recovery may have made a copy of the
/// journal, which is removed with it. `mark`: `failed_syncs` from before the first path was put in
/// place.
Result<void> settle(TransactionRoot& root, const Journal& journal, Directories& directories,
                    Protocol protocol, bool recovered, std::uint64_t mark);

}  // namespace perdure
