// SPDX-License-Identifier: BSL-1.0
// Finds the target of a call, locks it, and checks that it may be replaced or removed.
#pragma once

#include <string>

#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/pipeline/target.hpp>

#include "base/internal.hpp"
#include "engine/directory.hpp"

namespace perdure {

/// Finds the real directory and leaf of the target, as the symlink policy says, and looks at what
/// is there: fills `directory`, `leaf` and `existing`. Refuses anything but a file.
Result<void> resolve(Target& target, Handle directory, const std::string& leaf,
                     SymlinkPolicy symlink);

/// The same for a path; opens its directory.
PERDURE_INTERNAL_API Result<void> open_target(Target& target, const Path& path,
                                              SymlinkPolicy symlink,
                                              Parents parents = Parents::required);

/// Whether a commit with these options, or a removal, takes the target's lock.
[[nodiscard]] bool needs_lock(const Target& target, const WriteOptions& options);

/// Takes the lock, if it is needed and not held yet, looks again, and checks what the caller
/// expects.
Result<void> claim_target(Target& target, const WriteOptions& options);

/// Whether a commit may go on: a rename can replace the file that was found, it is the expected
/// version, and ExistingPolicy::keep allows it.
PERDURE_INTERNAL_API Result<void> check_target(const Target& target, const WriteOptions& options);

/// Whether the target is (still) the expected version; without an expectation it is.
Result<void> check_expected(const Target& target, const std::optional<Status>& found);

/// The target as it is now: nothing, or its status.
PERDURE_INTERNAL_API Result<std::optional<Status>> current_status(const Target& target);

}  // namespace perdure
