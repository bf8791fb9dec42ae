// SPDX-License-Identifier: BSL-1.0
// The marker of a root: the file that makes a directory a root, and says where its private one is.
#pragma once

#include <optional>
#include <string>

#include "transaction/transaction_root.hpp"

namespace perdure {

inline constexpr std::string_view open_step = "open the root";

/// The private directory that the marker names: one component, or an absolute path. Empty if the
/// root has none.
Result<std::optional<std::string>> read_marker(const TransactionRoot& root);

/// Refuses a root that lies in another one.
Result<void> refuse_nested(TransactionRoot& root);

/// First use: the private directory durable, then the marker that says where it is. Just before the
/// commit point: a transaction that is refused leaves nothing behind.
Result<void> mark_root(TransactionRoot& root);

}  // namespace perdure
