// SPDX-License-Identifier: BSL-1.0
// Ends a program that uses an object after it was moved from.
#include <cstdio>
#include <cstdlib>

#include <perdure/detail/held.hpp>

namespace perdure::detail {

void used_after_move() noexcept {
  (void)std::fputs(
      "perdure: an object was used after it was moved from; use the one that it was moved to\n",
      stderr);
  std::abort();
}

}  // namespace perdure::detail
