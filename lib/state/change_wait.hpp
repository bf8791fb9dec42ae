// SPDX-License-Identifier: BSL-1.0
// Waits for somebody else's change of a state.
#pragma once

#include <functional>
#include <memory>

#include <perdure/error.hpp>
#include <perdure/lock_wait.hpp>
#include <perdure/state_store.hpp>
#include <perdure/system/environment.hpp>

namespace perdure {

/// Waits until `changed` is true; false when the time is up or `wait.stop` says so. `changed`
/// decides, so the answer is never wrong; a watch (`watch` may give none) only saves looks.
Result<bool> wait_for_change(const std::function<Result<bool>()>& changed,
                             const std::function<std::unique_ptr<StateStore::Watch>()>& watch,
                             const LockWait& wait, Environment& environment);

}  // namespace perdure
