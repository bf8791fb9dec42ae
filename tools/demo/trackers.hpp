// SPDX-License-Identifier: BSL-1.0
// Two programs that keep a state, to be killed: one as most programs do it, the other with a
// StateTracker.
#pragma once

#include "workload.hpp"

namespace perdure::demo {

/// Writes its JSON over the old one; when it can't read it at its start, it begins with defaults.
[[nodiscard]] const Writer& naive_tracker() noexcept;
[[nodiscard]] const Writer& state_tracker() noexcept;

}  // namespace perdure::demo
