// SPDX-License-Identifier: BSL-1.0
// `crashlab disk`: a disk as slow as one likes, for measuring.
#pragma once

#include "host/guard.hpp"
#include "options.hpp"

namespace crashlab {

/// Call it within guarded(). Prints the device's path and serves the device until it is told to
/// end.
int disk_command(const DiskOptions& options, const Guarded& guarded);

/// `crashlab probe`: the same for a moment. A Failure says what is missing here.
int probe_command(const Guarded& guarded);

}  // namespace crashlab
