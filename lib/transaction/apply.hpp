// SPDX-License-Identifier: BSL-1.0
// Puts the paths of a journal in place, and settles them.
#pragma once

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Whether nobody replaced, made or removed the path since the transaction was checked. A write
/// into the file that is to be replaced does not keep it: it comes before the rename.
Result<bool> is_untouched(TransactionRoot& root, const JournalEntry& entry,
                          Directories& directories);

/// Unlinks the apply temp of the entry, if it is there. Where others may write to the directory,
/// they have seen its name, and may have put something under it that can't be unlinked: that is
/// left.
SysResult<void> remove_apply_temp(FileSystem& files, Handle directory, const JournalEntry& entry);

/// Whether a staged file keeps its name when it gets its path.
enum class StagedName {
  kept,  ///< It keeps its own name, too, so that every step is safe to repeat.
  /// For recoveries. The same, but given up where the kernel refuses a second one, since the file
  /// is another user's (protected_hardlinks in proc(5)): root staged it in a service's root, and
  /// the service recovers. A redo finds it at its path, as the rename is one change on the disk.
  kept_of_ours,
  given_up,
};

/// Whether `cause` is the kernel's answer to a hard link to another user's staged file, which this
/// user gets none to.
SysResult<bool> has_no_second_name(TransactionRoot& root, const Journal& journal,
                                   const JournalEntry& entry, const std::error_code& cause);

/// Puts one path in place. False where that is left alone: others put something into a directory
/// that is to go.
Result<bool> apply_entry(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                         Directories& directories, StagedName staged = StagedName::kept);

/// After all paths are in place: their directories durable, then the journal gone, durably, then
/// the staged files. In that order: a journal that came back would undo what others commit later.
/// With `fast` nothing is synced: whatever the disk gets of what others do later, it got this
/// before.
/// `recovered`: recovery may have made a copy of the journal, which goes with it. `mark`: the
/// `failed_syncs` of before the first path was put in place.
Result<void> settle(TransactionRoot& root, const Journal& journal, Directories& directories,
                    Protocol protocol, bool recovered, std::uint64_t mark);

}  // namespace perdure
