// SPDX-License-Identifier: BSL-1.0
// Judges, path by path, what recovery of a log has to do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <perdure/recovery_report.hpp>

#include "log/log_format.hpp"
#include "transaction/recovery_step.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// The change of one path by one record.
struct LoggedChange {
  const LogRecord* record = nullptr;
  const JournalEntry* entry = nullptr;
  const LoggedFile* file = nullptr;  ///< Of a `put`.
  std::size_t index = 0;             ///< Of the entry.
};

/// `content_hash` of a put's content.
[[nodiscard]] std::uint64_t hash_of(const LoggedChange& put);

/// All changes of one path, in the order of the records; the last counts.
using PathHistory = std::vector<LoggedChange>;

/// The histories of all live records, which must outlive the result.
[[nodiscard]] std::map<std::string, PathHistory> histories_of(
    const std::vector<DecodedRecord>& records);

/// The directories of the records' paths. A directory that existed before must be the one that the
/// records name: another one in its place is somebody else's.
/// In a copy any directory there will do.
[[nodiscard]] Directories directories_of(TransactionRoot& root,
                                         const std::vector<DecodedRecord>& records,
                                         Numbers numbers);

struct Judgement {
  RecoveryStep step = RecoveryStep::done;
  bool in_place = false;  ///< As RecoveredPath::in_place.
};

/// `redo`, also for a change that seems done, since the disk may not have it. `done`, for a
/// removal. `foreign`, where somebody else changed the path later. `unclear`, in a copy, where
/// neither times nor content tell.
Result<Judgement> judge_path(TransactionRoot& root, const PathHistory& history,
                             Directories& directories, Numbers numbers);

}  // namespace perdure
