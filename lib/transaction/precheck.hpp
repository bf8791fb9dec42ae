// SPDX-License-Identifier: BSL-1.0
// The last checks of a transaction before its journal is written.
#pragma once

#include <map>
#include <string>

#include <perdure/file_version.hpp>

#include "transaction/changes.hpp"
#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// By path.
using ExpectedVersions = std::map<std::string, Version>;

enum class Preparation {
  /// Also makes the staged files durable with their names, or ordered before the journal.
  for_journal,
  /// Makes nothing durable, since the record has the content. The last look, right before the
  /// record, finds the files that are at the paths.
  for_log,
};

/// Checks everything that could make it fail to put the files in place. Returns the content of the
/// journal.
Result<Journal> prepare_journal(TransactionRoot& root, Changes& changes,
                                const ExpectedVersions& expected, Preparation preparation);

}  // namespace perdure
