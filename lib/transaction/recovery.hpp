// SPDX-License-Identifier: BSL-1.0
// Recovers a root in which a transaction was killed.
#pragma once

#include <perdure/recovery_report.hpp>

#include "transaction/transaction_root.hpp"

namespace perdure {

/// Recovers a root whose lock is held: finishes the committed transaction, if there is one, and
/// discards staged files that never committed.
Result<RecoveryReport> recover_root(TransactionRoot& root);

/// Says in `report` which paths recovery would find, in the journal or in the log that it stands
/// for. Changes nothing, needs no lock. A journal that can't be read, or is not this root's, is
/// told as `damage`.
Result<void> look_at_journal(TransactionRoot& root, RecoveryReport& report);

}  // namespace perdure
