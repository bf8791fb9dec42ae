// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "workloads.hpp"

namespace perdure::test {

/// Everything that a tracked state is for: saves, restores, migrations, damage, two at once.
std::vector<Proof> tracker_proofs();

}  // namespace perdure::test
