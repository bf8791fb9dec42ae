// SPDX-License-Identifier: BSL-1.0
// Knows which files are durable, and which removals.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// A record says which files were at its paths before. Recovery knows nothing else about the
/// changes of others. So a record must never name a file, or the lack of one, that a power cut can
/// undo. This class remembers which are durable, or come back with the log's own records, and makes
/// the others durable.
class KnownDurable {
 public:
  explicit KnownDurable(TransactionRoot& root) : root_(root) {}

  /// The status of the path now, which no power cut undoes. Syncs the path if it is not known to be
  /// durable.
  Result<std::optional<Status>> look(Directories& directories, const std::string& path);

  /// Call them before and after each change of a name by a record. The stamps of the directory then
  /// show whether others changed it in between, except between a change and the look after it.
  void before_change(Directories& directories, const JournalEntry& entry);
  void after_change(Directories& directories, const JournalEntry& entry);

  /// After a failed sync nothing is known any more, also not about files that were published
  /// before.
  [[nodiscard]] bool has_failed() const noexcept { return failed_; }
  void forget();

 private:
  Result<void> sync_way(Directories& directories, const std::string& parent);
  Result<void> sync_file(Directories& directories, const std::string& path);
  Result<void> sync_directory(Directories& directories, const std::string& path);
  [[nodiscard]] bool is_known(const std::string& path, const Status& found) const;
  /// Whether nobody but us changed the directory since its entries were durable.
  bool is_unchanged(Directories& directories, const std::string& parent);

  TransactionRoot& root_;
  bool failed_ = false;
  std::map<std::string, Before> files_;    ///< Made by records, or synced.
  std::map<std::string, Version> stamps_;  ///< Of directories whose entries are known.
  std::map<std::string, Identity> ways_;   ///< Directories that are durable in their parents.
  /// The directories of `stamps_` that others had not changed right before a change of ours.
  std::set<std::string> unchanged_;
};

}  // namespace perdure
