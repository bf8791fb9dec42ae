// SPDX-License-Identifier: BSL-1.0
// Several ways to do one thing, measured against each other in turns. Each round has another order,
// so that other work of the machine affects all alike.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace perdure::bench {

/// One of the ways, and its measured times.
struct Candidate {
  std::string name;
  std::function<bool()> turn;          ///< Does it once. False: it failed, and is out.
  std::function<bool()> prepare = {};  ///< Before each turn, not timed; may be empty.
  /// Seconds that the last turn took, where another process has to time it; may be empty.
  std::function<std::optional<double>()> own_time_s = {};
  unsigned files = 1;  ///< That a turn commits.

  std::vector<double> times_s = {};  ///< Of each round.
  bool failed = false;
};

/// How long to go on: at least `rounds_min` rounds, then until either limit is reached.
struct RoundLimits {
  unsigned rounds_min = 5;
  unsigned rounds_max = 400;
  double seconds = 2;
  std::function<bool()> stop = {};  ///< Asked before each round; true ends it. May be empty.
};

/// Each candidate once as a rehearsal, then round by round.
void run_rounds(std::vector<Candidate>& candidates, const RoundLimits& limits);

/// The median of the measured times, and the quarters around it.
struct Spread {
  double quarter = 0;
  double median = 0;
  double three_quarters = 0;
};
[[nodiscard]] Spread spread_of(std::vector<double> values);

}  // namespace perdure::bench
