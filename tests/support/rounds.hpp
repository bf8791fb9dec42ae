// SPDX-License-Identifier: BSL-1.0
// How often a test tries what hangs on the moment, and how long it waits.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace perdure::test {

/// The rounds of an ordinary run, times PERDURE_ROUNDS_FACTOR of the environment:
/// scripts/check-world has the time for more.
inline int rounds_of(int ordinary) noexcept {
  const char* const factor = std::getenv("PERDURE_ROUNDS_FACTOR");
  const int times = factor == nullptr ? 1 : std::atoi(factor);
  return ordinary * (times > 0 ? times : 1);
}

/// The time that a command has, as many times as long where the machine is known to be slower (an
/// emulator).
inline double within(double seconds) {
  const char* const factor = std::getenv("PERDURE_TIMEOUT_FACTOR");
  return factor == nullptr ? seconds : seconds * std::max(1.0, std::atof(factor));
}

}  // namespace perdure::test
