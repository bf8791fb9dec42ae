// SPDX-License-Identifier: BSL-1.0
// One crash of a program, decided by the input: how it runs, where it dies, what is left of the
// disk, and the same of its recovery. The oracles judge the end.
#pragma once

#include "fuzz.hpp"
#include "proof/workloads.hpp"
#include "testing/explorer/reproducer.hpp"

namespace perdure::fuzz {

/// A finding is printed with what perdure::testing::replay needs to see it again.
void crash(const test::Proof& proof, const testing::Preset& preset, testing::Variant variant,
           InputBytes& input);

/// Up to two calls of the program's first actor that fail, each with an error that it can return,
/// or come back short. Lies that no kernel tells ("no such file" of one that is there) are left
/// out, and, without `directory_syncs`, failed syncs of directories where no journal orders what is
/// lost with them.
std::vector<testing::Fault> faults_of(InputBytes& input, const test::Proof& proof,
                                      const testing::Preset& preset, bool directory_syncs);

}  // namespace perdure::fuzz
