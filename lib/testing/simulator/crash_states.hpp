// SPDX-License-Identifier: BSL-1.0
// All that a power cut can leave of a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testing/simulator/disk.hpp"

namespace perdure::testing {

/// How the unsynced content of one file was found.
///
/// Below `cut` it is new; from there on as `rest` says. With `blocks`, each block of 4096 has a
/// letter of its own instead: n(ew), d(urable), z(eros), g(arbage).
struct Tear {
  InodeId inode = no_inode;
  std::uint64_t size = 0;
  std::uint64_t cut = 0;
  char rest = 'z';
  std::string blocks;

  friend bool operator==(const Tear&, const Tear&) = default;
};

/// One crash state: the changes that are missing, by number, and the tears. What is not named
/// survived whole.
struct Choice {
  std::vector<std::uint64_t> lost;
  std::vector<Tear> tears;

  friend bool operator==(const Choice&, const Choice&) = default;
};

/// Above these the enumeration is no longer complete, and samples are drawn from the seed.
struct Bounds {
  std::size_t pending_max = 20;  ///< All down-closed sets up to so many pending changes,
  std::size_t sets_max = 4096;   ///< and up to so many sets.
  std::size_t tears_max = 40;    ///< Ways to tear one file.
  std::size_t pairs_max = 200;   ///< Ways to tear all files of one set together.
  std::size_t samples = 64;      ///< Sets drawn above the bounds, beyond the systematic ones.
  std::uint64_t seed = 1;
};

/// Calls `visit` with each state, most intact first, until it returns false. The disks given are
/// settled: what is visible is durable. May call with equal states more than once.
void for_each_crash_state(const Disk& disk, const Bounds& bounds,
                          const std::function<bool(Disk&&, const Choice&)>& visit);

/// The one state of that choice. Numbers and files that the disk does not know are not looked at.
Disk crash_state(const Disk& disk, const Choice& choice);

/// Whether a power cut under this preset can leave that choice at all.
bool is_possible(const Disk& disk, const Choice& choice, const Bounds& bounds);

}  // namespace perdure::testing
