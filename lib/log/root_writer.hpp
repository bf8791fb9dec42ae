// SPDX-License-Identifier: BSL-1.0
// A writer whose commits go through the log of an open root.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <perdure/transaction.hpp>

#include "files/writer_state.hpp"

namespace perdure {

/// Commits to the directory `directory`, relative to the root, "" for the root itself. `begin`
/// makes its transactions. Refuses options that a root can't keep.
Result<std::unique_ptr<detail::WriterState>> make_root_writer(
    const TransactionRoot& root, std::string directory, WriteOptions options,
    std::function<Result<Transaction>()> begin);

}  // namespace perdure
