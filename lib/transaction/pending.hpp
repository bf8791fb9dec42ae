// SPDX-License-Identifier: BSL-1.0
// Files whose committed content waits in a root above them.
#pragma once

#include <perdure/lock_wait.hpp>
#include <perdure/pipeline/target.hpp>

#include "base/internal.hpp"

namespace perdure {

/// Fails where a root has a committed content of the target that is not in place (has_unpublished):
/// the path has an older content then. Waits as `wait` says for a program that is just putting it
/// in place. ErrorKind::recovery_required, with advice; also where the root's journal can't be
/// read. ErrorKind::stopped where `wait.stop` ended the wait. The target's `directory_status` must
/// be known.
PERDURE_INTERNAL_API Result<void> refuse_unpublished(const Target& target, const LockWait& wait);

}  // namespace perdure
