// SPDX-License-Identifier: BSL-1.0
// The syncs after the publish, for many commits at once: the work of the stages with these names,
// in memory that was allocated before.
#pragma once

#include <perdure/pipeline/commit.hpp>

#include "engine/grouping.hpp"

namespace perdure {

/// SyncPublished: of each device the file that was renamed last.
void sync_published_of(BatchedCommits members, Grouping& grouping);
/// SyncAllPublished: of each device all.
void sync_all_published_of(BatchedCommits members, Grouping& grouping);
/// SyncParent: each directory once. A journal that failed may tell the first directory's sync
/// alone, so one failed sync counts for every member on that device.
void sync_parents_of(BatchedCommits members, Grouping& grouping);

}  // namespace perdure
