// SPDX-License-Identifier: BSL-1.0
// Finds the target of a commit and checks that it may be replaced.
#pragma once

#include <string>

#include <boost/filesystem/path.hpp>

#include <perdure/pipeline/stage.hpp>

namespace perdure {

/// Keeps open what a commit's target stands on: the real directory, if links led to another one
/// than the caller's, and the lock, if one was taken.
struct Claim {
  OwnedHandle directory;
  OwnedHandle lock;
};

/// Finds the real directory and leaf of the target, as the symlink policy says, and looks at what
/// is there: fills `commit.directory`, `leaf` and `existing`. Refuses anything but a file.
Result<void> resolve(Commit& commit, Handle directory, const std::string& leaf, Claim& claim);

/// Whether the commit takes the target's lock.
[[nodiscard]] bool needs_lock(const Commit& commit);

/// Takes the lock, if the commit needs one and `claim` does not hold it yet, looks again, and
/// checks what the caller expects.
Result<void> claim_target(Commit& commit, Claim& claim);

/// Whether what was found there lets the commit go on: a rename can replace it, it is the expected
/// version, and nothing is to be kept.
Result<void> check_target(const Commit& commit);

/// Whether the target is (still) the expected version; without an expectation it is.
Result<void> check_expected(const Commit& commit, const std::optional<Status>& found);

/// The target as it is now: nothing, or its status.
Result<std::optional<Status>> look(const Commit& commit);

}  // namespace perdure
