// SPDX-License-Identifier: BSL-1.0
// A pause that a StopCondition can end.
#pragma once

#include <algorithm>
#include <chrono>

#include <perdure/lock_wait.hpp>
#include <perdure/system/environment.hpp>

namespace perdure {

/// How soon a wait for a lock notices that it shall stop, as StopCondition says.
inline constexpr std::chrono::milliseconds stop_slice{4};

inline void pause_for(std::chrono::nanoseconds time, const StopCondition& stop,
                      Environment& environment) {
  while (time.count() > 0 && !stop.is_met()) {
    const auto slice = std::min<std::chrono::nanoseconds>(time, stop_slice);
    environment.sleep(slice);
    time -= slice;
  }
}

}  // namespace perdure
