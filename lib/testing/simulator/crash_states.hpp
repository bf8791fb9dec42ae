// SPDX-License-Identifier: BSL-1.0
// All that a power cut can leave of a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testing/simulator/disk.hpp"
#include "testing/simulator/tears.hpp"

namespace perdure::testing {

/// One crash state: the changes that are missing, by number, and the tears. A change that is not
/// named survived intact.
struct Choice {
  std::vector<std::uint64_t> lost;
  std::vector<Tear> tears;

  friend bool operator==(const Choice&, const Choice&) = default;
};

/// Calls `visit` with each state, most intact first, until it returns false. On the given disks,
/// everything visible is durable. May call with equal states more than once.
void for_each_crash_state(const Disk& disk, const Bounds& bounds,
                          const std::function<bool(Disk&&, const Choice&)>& visit);

/// The one state of that choice. Numbers and files that the disk does not know are not looked at.
Disk crash_state(const Disk& disk, const Choice& choice);

/// Whether a power cut under this preset can leave that choice at all.
bool is_possible(const Disk& disk, const Choice& choice, const Bounds& bounds);

}  // namespace perdure::testing
