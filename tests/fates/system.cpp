// SPDX-License-Identifier: BSL-1.0
// The file system of a libperdure_c for tests: all else in that library is as in the real one.
#include "c/border.hpp"
#include "fates/steered.hpp"

namespace perdure::c {

System system_of_calls() noexcept {
  return test::steered_system();
}

}  // namespace perdure::c
