// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <perdure/testing/shared_mount.hpp>

#include "workloads.hpp"

namespace perdure::test {

/// Commits that expect a version, on disks on which a file is hard to know.
std::vector<Proof> identity_proofs();

/// Transactions on a disk whose mounts number everything anew: whole all the same.
Proof renumbered_proof();

/// Two machines, each with its own cache of attributes, that count by compare-and-swap.
Proof two_machines_proof(testing::Looks looks);

}  // namespace perdure::test
