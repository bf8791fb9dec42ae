// SPDX-License-Identifier: BSL-1.0
// Tries out what putting in place will need.
#pragma once

#include <cstdint>
#include <set>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Tries out, before the journal is written, what putting in place will ask of each directory:
/// links from the private directory, and directories, under names as long as the longest that are
/// needed there. Once the journal is there it is too late: the redo would fail forever. Where the
/// transaction makes a directory, the nearest one above it that is there is tried instead. `each`:
/// the staged files that are tried themselves, whatever the others say: links to files of others,
/// and symbolic links. Leaves
/// nothing; what a killed trial leaves is a temp, which `clean` removes.
Result<void> try_out(TransactionRoot& root, const Journal& journal,
                     const std::set<std::uint64_t>& each, Directories& directories);

}  // namespace perdure
