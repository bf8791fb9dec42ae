// SPDX-License-Identifier: BSL-1.0
// Brings a root to rest that a transaction was killed in.
#pragma once

#include <perdure/recovery_report.hpp>

#include "transaction/transaction_root.hpp"

namespace perdure {

/// Brings a root, whose lock is held, to rest: finishes the committed transaction, if there is one,
/// and discards what never committed.
Result<RecoveryReport> recover_root(TransactionRoot& root);

/// Says in `report` which paths that would find, in the journal or in the log that it stands for.
/// Changes nothing, needs no lock. A journal that can't be read, or is not this root's, is told as
/// `damage`.
Result<void> look_at_journal(TransactionRoot& root, RecoveryReport& report);

}  // namespace perdure
