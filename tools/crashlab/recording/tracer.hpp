// SPDX-License-Identifier: BSL-1.0
// Runs a workload that stands still at each of its calls that can change a file system.
#pragma once

#include <functional>
#include <string>

#include "host/child.hpp"

namespace crashlab {

/// As run(), and calls `step` before each call, by the command or any descendant, that can change
/// the file system mounted at `mount_point`. Calls on descriptors of other file systems are passed
/// over. Writes through a shared mapping can't be seen; msync can.
///
/// The caller has SIGCHLD blocked and no other child that it waits for in the meantime.
Outcome run_traced(const Command& command, const std::string& mount_point,
                   const std::function<void()>& step, const Tick& tick);

}  // namespace crashlab
