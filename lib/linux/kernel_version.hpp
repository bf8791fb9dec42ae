// SPDX-License-Identifier: BSL-1.0
// The version of the kernel that runs.
#pragma once

namespace perdure {

/// Whether the kernel is of this version or a later one.
[[nodiscard]] bool kernel_is_at_least(int wanted_major, int wanted_minor);

}  // namespace perdure
