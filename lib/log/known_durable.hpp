// SPDX-License-Identifier: BSL-1.0
// Knows which files, and which missing ones, a power cut leaves as they are.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// A record says what its paths were before. Recovery knows nothing else of others' changes, so a
/// record must never name a file, or the lack of one, that a power cut can take back. This
/// remembers which are durable, or come back with the log's own records, and makes the others so.
class KnownDurable {
 public:
  explicit KnownDurable(TransactionRoot& root) : root_(root) {}

  /// The status of the path now, certain to be there after a power cut. Syncs what nobody knows to
  /// be.
  Result<std::optional<Status>> look(Directories& directories, const std::string& path);

  /// Around each change of a name that is made by a record: whether others changed the directory
  /// in between shows in its stamps, but for the time between a change and the look behind it.
  void before_change(Directories& directories, const JournalEntry& entry);
  void after_change(Directories& directories, const JournalEntry& entry);

  /// After a failed sync nothing is known any more, nor of what was published before.
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
  std::set<std::string> unchanged_;        ///< Of `stamps_`: right before a change of ours.
};

}  // namespace perdure
