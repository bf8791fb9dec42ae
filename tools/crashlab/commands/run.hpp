// SPDX-License-Identifier: BSL-1.0
// `crashlab run`: records a workload and explores the crash states.
#pragma once

#include "host/guard.hpp"
#include "judging/witness.hpp"
#include "options.hpp"

namespace crashlab {

/// Within guarded(). Returns 0 without a violation, 1 with one, 2 when interrupted before that.
/// A witness judges and reports in the place of a checker.
int run_command(const RunOptions& options, const Guarded& guarded, Witness* witness = nullptr);

}  // namespace crashlab
