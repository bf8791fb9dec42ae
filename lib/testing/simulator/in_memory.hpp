// SPDX-License-Identifier: BSL-1.0
// Sizes of simulated files as sizes in memory, where simulated files lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace perdure::testing {

/// A size or a position of a simulated file. On a 32-bit machine memory may not hold it: that
/// throws std::length_error, as the containers do, instead of naming another place.
inline std::size_t in_memory(std::uint64_t size) {
  if (size > std::numeric_limits<std::size_t>::max()) {
    throw std::length_error("a simulated file is larger than memory");
  }
  return static_cast<std::size_t>(size);
}

}  // namespace perdure::testing
