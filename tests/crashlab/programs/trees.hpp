// SPDX-License-Identifier: BSL-1.0
// Workloads of transactions that change a whole tree: mirror (`Transaction::mirror`), copies
// (`copy` with `put_symlink` and `remove_all`). After recovery the tree is of one version, no older
// than acknowledged, and nothing else is in it. root_copy (`copy_root` after each commit): each
// copy is there as a whole, of the version that it was made of, or not at all; an acknowledged one
// is there; and a copy that the power cut short can be gone on with.
#pragma once

#include "commits.hpp"

namespace commits {

Workloads tree_workloads();

}  // namespace commits
