// SPDX-License-Identifier: BSL-1.0
// The file system of the C interface, in a file of its own: tests link another one in its place.
#include "c/border.hpp"

namespace perdure::c {

System system_of_calls() noexcept {
  return native_system();
}

}  // namespace perdure::c
