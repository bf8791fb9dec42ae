// SPDX-License-Identifier: BSL-1.0
// The program whose state is crashed: it counts. The history has the values that it was told of
// ("state"), and under which numbers ("generation 7").
#pragma once

#include <perdure/root.hpp>
#include <perdure/state_tracker.hpp>

#include "workloads.hpp"

namespace perdure::test {

struct Tally {
  std::uint64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Tally, (), (count))
using Tracker = StateTracker<Tally>;

namespace tally {

inline const std::string target = "state";
inline const std::string numbered = "generation ";
inline const std::string foreign = "nobody's business";
/// With this the state is kept through a log; with both of them its file gets it later.
inline const std::string root_marker = "d/.perdure-root";
inline const std::string later_marker = "d/later";

TrackerOptions options_of(const testing::Session& session);
/// By the schema of today, with a migration from the one before.
Result<Tracker> open_tracker(testing::Session& session);
std::string value_of(const Tracker& tracker);

/// Opens it, as every start of the program does. The returned state was told to somebody, and must
/// still be there after the next power cut.
std::optional<Tracker> start(testing::Session& session, bool strict);
/// The same after a crash: leftovers are collected first.
void restart(testing::Session& session);
/// A first start, and two saves.
void prepare(testing::Session& session);
/// The same through a log.
void prepare_logged(testing::Session& session, Publish publish);

void add_one(testing::Session& session, Tracker& tracker, bool strict = true);
/// Two edits that share one commit: one without the other is never to be seen.
void add_two(testing::Session& session, Tracker& tracker, bool strict = true);
/// To the newest previous generation, in which the count is this.
void go_back(testing::Session& session, Tracker& tracker, std::uint64_t count);

/// Numbers that the program was told: one never stands for two values, and none is below one
/// before.
testing::Oracle generations_go_up();
/// Beside the state: its lock, its previous generations, evidence; nothing else.
testing::Oracle only_its_files(std::size_t damaged_max, std::size_t previous_max = 3);
/// All that must hold. `damaged`: the current state was, so that a fallback counts as it.
std::vector<testing::Oracle> oracles_of(bool damaged = false);

}  // namespace tally
}  // namespace perdure::test
