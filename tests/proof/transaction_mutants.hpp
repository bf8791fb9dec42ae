// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "mutants.hpp"

namespace perdure::test {

/// The protocol of transactions, broken in each place.
std::vector<Mutant> transaction_mutants();
/// Tracked states, broken.
std::vector<Mutant> tracker_mutants();

}  // namespace perdure::test
