// SPDX-License-Identifier: BSL-1.0
// The report of recovery: its findings in a root, and its changes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/detail/language.hpp>

namespace perdure {

/// How recovery judges one path of a journal.
enum class RecoveryStep {
  done,     ///< The path is as the transaction wants it.
  redo,     ///< It is as it was before: to be done (or was done now).
  foreign,  ///< Somebody else changed it since: left alone.
  lost,     ///< It is to be done, but the staged file is gone: a person must decide.
  unclear,  ///< The root was copied, and nothing tells old from new: a person must decide.
};

/// The finding at one path.
struct RecoveredPath {
  std::string path;    ///< Relative to the root.
  std::string action;  ///< "put", "remove", "make directory" or "remove directory".
  RecoveryStep step = RecoveryStep::done;  ///< The judgement.
  /// `redo` of a log: the new content is at the path, maybe in the cache alone.
  bool in_place = false;
  /// The file that keeps the new content of a path that was left alone: relative to the root, or
  /// absolute as the private directory is. Empty if there was none.
  std::string kept{};
};

/// The content of a root's private directory, and the changes of recovery, made or still to come.
struct RecoveryReport {
  /// Nobody has committed a transaction to this directory, or its name is mistyped.
  bool no_root = false;
  /// A committed transaction is there to be finished (or was, and is finished now).
  bool journal = false;
  std::string id;  ///< Of that transaction.
  /// Why the journal, or a path that it names, can't be read, and which apply temps `abandon` could
  /// not move; empty if all is well. `id` is empty where the journal itself can't be read.
  std::string damage;
  std::vector<RecoveredPath> paths;  ///< Of the journal, or of the log.
  std::uint64_t discarded = 0;       ///< Staged files of transactions that never committed.
  /// The directory of the evidence: of `abandon`, or of recovery for paths that it left alone.
  std::string set_aside;
  /// The disk can't read a block behind the last commit that the log has. Either the power cut tore
  /// an unfinished block, which is harmless, or the block held acknowledged commits: nobody can
  /// tell which.
  bool unreadable = false;
  /// The private directory of this marked root was missing, and is there again: its content, maybe
  /// a committed transaction, is lost.
  bool restored = false;
};

/// The word for it: "done", "redo", ...
[[nodiscard]] PERDURE_API std::string_view to_string(RecoveryStep step) noexcept;

}  // namespace perdure
