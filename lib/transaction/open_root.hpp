// SPDX-License-Identifier: BSL-1.0
// Opens the roots of transactions: to commit, to recover, to look.
#pragma once

#include <memory>

#include "transaction/transaction_root.hpp"

namespace perdure {

/// Opens the root for a committer, and takes its lock. One that has no marker yet gets its private
/// directory.
Result<std::unique_ptr<TransactionRoot>> open_root(const Path& path,
                                                   const TransactionOptions& options);

/// The same for recovery, which only makes the missing private directory of a marked root.
/// `restored` says so, and such a root is not locked. Empty where there never was a transaction.
Result<std::unique_ptr<TransactionRoot>> open_root_to_recover(const Path& path,
                                                              const TransactionOptions& options);

/// The same to abandon a root: makes nothing. A marked root without its private directory is an
/// error.
Result<std::unique_ptr<TransactionRoot>> open_root_to_abandon(const Path& path,
                                                              const TransactionOptions& options);

/// Opens a root to look at it: makes nothing, takes no lock. Empty where there never was a
/// transaction.
Result<std::unique_ptr<TransactionRoot>> look_at_root(const Path& path,
                                                      const TransactionOptions& options);

/// The same for a directory that is open, and that `path` names. Empty also where the private
/// directory is another user's, or is missing within the root.
Result<std::unique_ptr<TransactionRoot>> look_at_open_root(const Path& path,
                                                           const TransactionOptions& options,
                                                           OwnedHandle directory);

/// The lock of a root, which an opened committer and recovery hold.
Result<OwnedHandle> take_root_lock(TransactionRoot& root);

}  // namespace perdure
