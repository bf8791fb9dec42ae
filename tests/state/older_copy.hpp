// SPDX-License-Identifier: BSL-1.0
// A tracker whose file somebody put an older copy over.
#pragma once

#include <string>

#include "count.hpp"
#include "support/directory.hpp"

namespace perdure::test {

/// It saved five times; the copy is of the first.
inline CountTracker tracker_over_older_copy(const TempDirectory& at) {
  auto tracker = CountTracker::open(at.file("s")).value();
  tracker.update(increment).value();
  const std::string old = at.get("s");
  for (int i = 0; i < 4; ++i) tracker.update(increment).value();
  at.put("s", old);
  return tracker;
}

}  // namespace perdure::test
