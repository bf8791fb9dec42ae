// SPDX-License-Identifier: BSL-1.0
// `crashlab run` over a disk that fails at each of its requests in turn.
#pragma once

#include "host/guard.hpp"
#include "options.hpp"

namespace crashlab {

/// Within guarded(). As run_command(); where a fault goes through each number, a run for each, and
/// one report of all of them.
int faults_command(const RunOptions& options, const Guarded& guarded);

}  // namespace crashlab
