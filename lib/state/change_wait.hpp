// SPDX-License-Identifier: BSL-1.0
// Waits for a change of a state that somebody else makes.
#pragma once

#include <functional>
#include <memory>

#include <perdure/error.hpp>
#include <perdure/lock_wait.hpp>
#include <perdure/state_store.hpp>
#include <perdure/system/environment.hpp>

namespace perdure {

/// Waits until `changed` is true; false when the time is up or `wait.stop` says so. Looks decide,
/// so that it is never wrong; a watch (`watch` may give none) only spares looks.
Result<bool> wait_for_change(const std::function<Result<bool>()>& changed,
                             const std::function<std::unique_ptr<StateStore::Watch>()>& watch,
                             const LockWait& wait, Environment& environment);

}  // namespace perdure
