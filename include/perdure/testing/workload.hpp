// SPDX-License-Identifier: BSL-1.0
// A workload that is explored, the rules for it, and the report.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <perdure/procedure.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/session.hpp>

namespace perdure::testing {

/// A program to be crashed. All functions are called many times, from several threads at once, each
/// time with a session of its own. They keep nothing outside it, and do the same each time.
struct Workload {
  std::string name;  ///< Each reproducer has it.
  /// Sets up the disk; all of it is durable, and nothing of it is crashed. May be empty.
  Procedure<Session&> prepare;
  /// The program that is crashed. With more than one actor, each is a thread of its own, and they
  /// are interleaved call by call. They may wait for each other only by `Environment::sleep`.
  std::vector<Procedure<Session&>> actors;
  /// The program's start after a crash; is crashed in its turn. May be empty.
  Procedure<Session&> recover;
  /// With more than one, the first actor is run so many times, and does what
  /// `Session::case_number` says. States that cases share are explored once.
  std::size_t cases = 1;
};

/// A check of every crash state once recovery ran: returns no words, or words about the fault.
/// oracle.hpp has the ones that most programs need.
struct Oracle {
  std::string name;                            ///< For Violation::oracle and Preset::exempt.
  std::function<std::string(Session&)> check;  ///< Returns no words where all is well.
  /// `check` changes the disk (commits something more): it gets a copy.
  bool changes = false;
  /// Checks the crash state itself, before recovery runs: so it also sees faults that recovery
  /// mends, or hides by a new commit.
  bool before_recovery = false;
};

/// A layer between the program and the disk, made for each run: a file system that lies.
using Layer = std::function<std::unique_ptr<FileSystem>(SimulatedFileSystem& disk)>;

/// How far `explore` goes, and by which rules.
struct ExploreOptions {
  const Preset* preset = &presets::worst;  ///< Not null; must outlive the call.
  /// Decides which states are drawn where not all are tried.
  std::uint64_t seed = 1;
  unsigned depth = 2;      ///< Crashes within recovery, one after the other.
  bool kills = true;       ///< The process dies, at every call that changes something.
  bool power_cuts = true;  ///< The power goes, and the preset says which changes are left.
  unsigned threads = 0;    ///< 0: as many as there are cores.

  std::size_t pending_max = 20;        ///< All sets of survivors up to so many pending operations,
  std::size_t sets_max = 4096;         ///< and up to so many sets; above that drawn by the seed.
  std::size_t tears_max = 40;          ///< Ways to tear one file.
  std::size_t pairs_max = 200;         ///< Ways to tear all unsynced files together.
  std::size_t states_max = 4'000'000;  ///< Distinct states; beyond, samples by the seed.
  std::size_t schedules_max = 200;     ///< Interleavings of actors.

  /// Each schedule of faults is explored like the run without faults, which is always explored,
  /// too.
  std::vector<std::vector<Fault>> faults;
  /// The faults strike recovery as well; it then runs once more without them before the oracles.
  bool faults_in_recovery = false;
  Layer layer;  ///< Empty: there is none.

  /// Shows progress on standard error, when that is a terminal.
  bool progress = true;
};

/// A finding of an oracle, and how to see it again.
struct Violation {
  std::string oracle;  ///< The name of the oracle.
  std::string words;   ///< Its objection.
  /// The story of the crash, for people and for `replay`. As small as it could be made.
  std::string reproducer;
};

/// How much `explore` tried, and its finding.
struct Report {
  std::uint64_t runs = 0;        ///< Of the workload: its cases, schedules and faults.
  std::uint64_t points = 0;      ///< Moments at which a crash was tried, recoveries included.
  std::uint64_t states = 0;      ///< Crash states made.
  std::uint64_t distinct = 0;    ///< Of those, different: disk, pending operations or history.
  std::uint64_t recoveries = 0;  ///< Runs of recovery and oracles: one for each distinct state.
  std::uint64_t left_out = 0;    ///< States beyond `states_max`.
  std::uint64_t uncrashed = 0;   ///< Recoveries that ran but were not crashed, for the same reason.
  unsigned depth = 0;            ///< The longest row of crashes.
  /// Crash points by the call before which they lie.
  std::array<std::uint64_t, operation_count> points_by_operation{};
  std::optional<Violation> violation;  ///< The one with the fewest crashes, the earliest of those.
};

}  // namespace perdure::testing
