// SPDX-License-Identifier: BSL-1.0
// Looks, then listens or pauses, and looks again.
#include "state/change_wait.hpp"

#include <algorithm>
#include <chrono>

#include "state/pause.hpp"

namespace perdure {
namespace {

using std::chrono::milliseconds;

/// A watch may miss changes without a sign: its connection hangs, or its server is cut off from the
/// others. So `changed` is asked so often all the same.
constexpr milliseconds deaf_max{5000};
constexpr milliseconds pause_min{1};
constexpr milliseconds pause_max{100};

}  // namespace

Result<bool> wait_for_change(const std::function<Result<bool>()>& changed,
                             const std::function<std::unique_ptr<StateStore::Watch>()>& watch,
                             const LockWait& wait, Environment& environment) {
  using Heard = StateStore::Watch::Heard;
  const auto began = environment.monotonic();
  std::unique_ptr<StateStore::Watch> listening;
  auto pause = pause_min;
  while (true) {
    BOOST_OUTCOME_TRY(const bool other, changed());
    if (other) return true;
    const auto waited = std::chrono::floor<milliseconds>(environment.monotonic() - began);
    if (waited >= wait.timeout_ms || wait.stop.is_met()) return false;
    const milliseconds left = wait.timeout_ms - waited;
    if (!listening) {
      listening = watch();
      if (listening) continue;  // it has not heard what came before it
    } else if (listening->wait({std::min(left, deaf_max), wait.stop}) != Heard::end) {
      continue;
    }
    listening.reset();
    pause_for(std::min(left, pause), wait.stop, environment);
    pause = std::min(pause * 2, pause_max);
  }
}

}  // namespace perdure
