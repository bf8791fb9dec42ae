// SPDX-License-Identifier: BSL-1.0
// Judges what recovery has to do about one path.
#pragma once

#include <perdure/recovery_report.hpp>

#include "transaction/journal_format.hpp"
#include "transaction/root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// The step that a path of the journal asks of recovery.
Result<RecoveryStep> recovery_step_of(TransactionRoot& root, const Journal& journal,
                                      const JournalEntry& entry, Directories& directories);

}  // namespace perdure
