// SPDX-License-Identifier: BSL-1.0
// Takes the turns of a measurement, and reports medians.
#include "bench/rounds.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

namespace perdure::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The time of one turn; empty if it failed.
std::optional<double> take_turn(const Candidate& candidate) {
  if (candidate.prepare && !candidate.prepare()) return std::nullopt;
  const auto begin = Clock::now();
  const bool done = candidate.turn();
  const double seconds = seconds_since(begin);
  if (!done) return std::nullopt;
  const auto own = candidate.own_time_s ? candidate.own_time_s() : std::nullopt;
  return own.value_or(seconds);
}

}  // namespace

void run_rounds(std::vector<Candidate>& candidates, const RoundLimits& limits) {
  for (auto& candidate : candidates) candidate.failed = !take_turn(candidate);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(static_cast<std::uint32_t>(candidates.size()));
  const auto begin = Clock::now();
  for (unsigned round = 0; round < limits.rounds_max; ++round) {
    if (round >= limits.rounds_min && seconds_since(begin) > limits.seconds) break;
    if (limits.stop && limits.stop()) break;
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      Candidate& candidate = candidates[i];
      if (candidate.failed) continue;
      const auto time = take_turn(candidate);
      candidate.failed = !time;
      if (time) candidate.times_s.push_back(*time);
    }
  }
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  const auto at = [&](std::size_t quarters) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() * quarters / 4);
    std::nth_element(values.begin(), place, values.end());
    return *place;
  };
  return {.quarter = at(1), .median = at(2), .three_quarters = at(3)};
}

}  // namespace perdure::bench
