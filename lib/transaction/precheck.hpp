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
  /// Leaves that to the record, which has the content; and what the paths are before to the last
  /// look, right before it.
  for_log,
};

/// Checks everything that putting in place could trip over, and says what the journal must.
Result<Journal> prepare_journal(TransactionRoot& root, Changes& changes,
                                const ExpectedVersions& expected, Preparation preparation);

}  // namespace perdure
