// SPDX-License-Identifier: BSL-1.0
// Searches all states of a bound for one that breaks a promise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/calls.hpp"
#include "model/state.hpp"
#include "model/writer.hpp"

namespace perdure::model {

struct Found {
  std::string words;
  Story story;
};

struct Searched {
  std::uint64_t states = 0;      ///< Distinct ones, between two actions.
  std::uint64_t crashes = 0;     ///< Distinct states right before a crash.
  std::uint64_t power_cuts = 0;  ///< Disks that one left.
  std::uint64_t calls = 0;
  double seconds = 0;    ///< Of a processor.
  bool complete = true;  ///< All of the bound was searched, or something was found.
  std::optional<Found> found;
};

[[nodiscard]] Searched search(const Model& model, const Bound& bound);

/// A tree with `d/x`, without `y`, and a log that was never used.
[[nodiscard]] State first_state(const Budget& budget);

/// One thing that a program, or another, may do.
struct Act {
  enum class Kind : std::uint8_t {
    open,
    commit,
    commit_alone,
    settle,
    close,
    restart,  ///< A root that stopped is dropped, to be opened again.
    transact,
    interfere,
  };
  Kind kind = Kind::open;
  Wanted one{};
  Wanted two{};
  Path path = Path::x;
  Foreign foreign{};
};
void perform(Calls& calls, const Act& act);
/// All that can be done now.
[[nodiscard]] std::vector<Act> acts_of(const State& state, const Bound& bound);

}  // namespace perdure::model
