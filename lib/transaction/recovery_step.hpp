// SPDX-License-Identifier: BSL-1.0
// Judges what recovery has to do about one path.
#pragma once

#include <cstdint>
#include <string_view>

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

/// Whether a copy of a file that was changed `then` may have the time `now`: tar and others keep
/// the second alone.
[[nodiscard]] bool is_copied_time(std::int64_t now_ns, std::int64_t then_ns);
/// Whether a file has the time of another one, of which it is a copy then. Times of whole seconds
/// tell little: others make files of the same size in one second, or set the times of all files
/// alike.
[[nodiscard]] bool is_exact_time(std::int64_t now_ns, std::int64_t then_ns);

/// The fault of a journal or a log that is not of this root.
inline constexpr std::string_view of_another_root =
    "it was written in another directory: this root was copied, or restored";

/// Tells by the private directory and the staged files, which nobody else changes.
Result<Numbers> numbers_of(TransactionRoot& root, const Journal& journal);

/// The step that a path of the journal asks of recovery.
Result<RecoveryStep> recovery_step_of(TransactionRoot& root, const Journal& journal,
                                      Numbers numbers, const JournalEntry& entry,
                                      Directories& directories);

/// Fails where a person has to decide about a path.
Result<void> check_decided(const TransactionRoot& root, const std::string& path, RecoveryStep step);

}  // namespace perdure
