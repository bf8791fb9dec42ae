// SPDX-License-Identifier: BSL-1.0
// Programs that the input writes: rows of commits, of transactions, of saves.
#pragma once

#include <functional>

#include "fuzz.hpp"
#include "proof/workloads.hpp"

namespace perdure::fuzz {

using Actor = std::function<void(testing::Session&)>;

/// Commits, removals and collections of temps, with any options, to a few targets.
test::Proof files_proof();
/// Of several programs, the one that writes files of others' under names of its own: `number` is 0,
/// 1 or 2.
Actor files_actor(InputBytes& input, std::size_t number = 0);

/// Transactions on one root.
test::Proof transactions_proof();
Actor transactions_actor(InputBytes& input);

/// Saves of one state. Others beside it see only that all increments are counted.
test::Proof saves_proof(bool alone);
Actor saves_actor(InputBytes& input, bool alone);

}  // namespace perdure::fuzz
