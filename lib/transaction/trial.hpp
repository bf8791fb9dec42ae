// SPDX-License-Identifier: BSL-1.0
// Tries the calls that will put the files in place.
#pragma once

#include <cstdint>
#include <set>

#include "transaction/journal_format.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {

/// Tries, before the journal is written, the calls that will put the files in place. In each
/// directory it makes links from the private directory, and directories, under names as long as the
/// longest that are needed there. Once the journal is there it is too late: the redo would fail
/// forever. Where the transaction makes a directory, the nearest existing one above it is tried
/// instead. `each`: the staged files that are tried one by one, whatever the outcome of others:
/// links to files of others, and symbolic links. Leaves nothing; a trial that is killed leaves a
/// temp, which `clean` removes.
Result<void> try_out(TransactionRoot& root, const Journal& journal,
                     const std::set<std::uint64_t>& each, Directories& directories);

}  // namespace perdure
