// SPDX-License-Identifier: BSL-1.0
// `crashlab mount`: a kept violation's disk, mounted for a look.
#pragma once

#include "host/guard.hpp"
#include "options.hpp"

namespace crashlab {

/// Within guarded(), with the caller's mounts. Mounts the state, then runs the command or waits
/// until told to end. Changes to the mounted state are lost. Returns the command's status.
int mount_command(const KeptOptions& options, const Guarded& guarded);

}  // namespace crashlab
