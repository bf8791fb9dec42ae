// SPDX-License-Identifier: BSL-1.0
// Makes a root equal to another tree.
#pragma once

#include <perdure/mirror.hpp>

#include "transaction/changes.hpp"

namespace perdure {

/// Stages the changes for it. Call it when all that was committed is in place.
Result<MirrorReport> mirror_tree(TransactionRoot& root, Changes& changes, SourceTree& source,
                                 const MirrorOptions& options);

}  // namespace perdure
