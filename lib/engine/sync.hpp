// SPDX-License-Identifier: BSL-1.0
// The syncs that make a commit durable, without and with the file system's confirmation.
#pragma once

#include <perdure/pipeline/stage.hpp>

#include "base/internal.hpp"

namespace perdure {

/// fsync(2) of the published file.
Result<void> sync_published(Commit& commit);
/// syncfs(2) of the file system on which the target lies.
Result<void> sync_all(Commit& commit);
/// fsync(2) of the target's directory.
Result<void> sync_parent(Commit& commit);

/// The same for a removal: the entries of the target's directory are durable, and confirmed.
/// `mark` is `failed_syncs()` from before they changed.
Result<void> sync_parent_durably(const Target& target, std::uint64_t mark);

/// After the last sync on the commit's device: fails where the file system takes no changes any
/// more. The receipt says whether it could be asked.
Result<void> confirm(Commit& commit);

/// Syncs, then asks for the confirmation.
Result<void> sync_durably(Commit& commit, Result<void> (*sync)(Commit&));

/// As `sync_parent_durably`, for a directory without a target.
PERDURE_INTERNAL_API SysResult<void> sync_directory_durably(FileSystem& files, Handle directory,
                                                            std::uint64_t mark);

}  // namespace perdure
