// SPDX-License-Identifier: BSL-1.0
// Makes a root what another tree is.
#pragma once

#include <perdure/mirror.hpp>

#include "transaction/changes.hpp"

namespace perdure {

/// Stages what it takes. All that was committed is in place.
Result<MirrorReport> mirror_tree(TransactionRoot& root, Changes& changes, SourceTree& source,
                                 const MirrorOptions& options);

}  // namespace perdure
