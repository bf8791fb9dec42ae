// SPDX-License-Identifier: BSL-1.0
// Judges what recovery has to do about one path.
#pragma once

#include <perdure/recovery_report.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Whether the files of a root still have the inode numbers and the times of birth that the journal
/// knows them by.
enum class Numbers {
  kept,     ///< Another number is another file.
  changed,  ///< The root was copied or restored, or its file system numbers anew at each mount.
};

/// Tells by the private directory and the staged files, which nobody else changes.
Result<Numbers> numbers_of(TransactionRoot& root, const Journal& journal);

/// The step that a path of the journal asks of recovery.
Result<RecoveryStep> recovery_step_of(TransactionRoot& root, const Journal& journal,
                                      Numbers numbers, const JournalEntry& entry,
                                      Directories& directories);

}  // namespace perdure
