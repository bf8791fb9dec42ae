// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "mutants.hpp"

namespace perdure::test {

/// The protocol of transactions, broken in each place.
std::vector<Mutant> transaction_mutants();
/// Files known by less than the library knows them by.
std::vector<Mutant> identity_mutants();
/// The log of a root, broken.
std::vector<Mutant> log_mutants();
/// Tracked states, broken.
std::vector<Mutant> tracker_mutants();

}  // namespace perdure::test
