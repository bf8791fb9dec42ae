// SPDX-License-Identifier: BSL-1.0
// `crashlab explore-calls`.
#pragma once

#include <string>
#include <vector>

#include "options.hpp"

namespace crashlab {

/// Runs the scripts on the file system, explores the states that power cuts leave, and compares
/// them with a preset of the simulator. It is the file system's own, unless one is named. Status 0:
/// all is allowed; 1: there are differences; 2: it failed.
int explore_calls(CallsOptions options);

/// The program that such a run records: the scripts whose names are the lines of a file. Reads
/// CRASHLAB_MOUNT and CRASHLAB_ACK.
int play_calls(const std::string& file, bool prepare);

}  // namespace crashlab
