// SPDX-License-Identifier: BSL-1.0
// The state that the tests of the tracker keep.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/state_tracker.hpp>

namespace perdure::test {

struct Count {
  std::uint64_t value = 0;
  std::vector<std::string> notes;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value, notes))

using CountTracker = StateTracker<Count>;

inline void increment(Count& count) {
  ++count.value;
}

}  // namespace perdure::test
