// SPDX-License-Identifier: BSL-1.0
// Gives a temp its target's name.
#pragma once

#include <perdure/pipeline/commit.hpp>

namespace perdure {

/// The temp gets the target's name, as `WriteOptions::existing` says, if the target still is what
/// the caller expects. When that fails, `commit.fate` says what became of the target.
Result<void> publish(Commit& commit);

}  // namespace perdure
