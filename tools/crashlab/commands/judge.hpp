// SPDX-License-Identifier: BSL-1.0
// `crashlab judge`: judges what power cuts leave of a program's files, without a checker.
#pragma once

#include "host/guard.hpp"
#include "options.hpp"

namespace crashlab {

/// Within guarded(). Returns 0 if nothing was torn or lost, 1 if something was.
int judge_command(const JudgeOptions& options, const Guarded& guarded);

}  // namespace crashlab
