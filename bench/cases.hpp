// SPDX-License-Identifier: BSL-1.0
// A case is a task that several candidates do in turns; its results go to Google Benchmark as
// counters, CANDIDATE/FIGURE.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/rounds.hpp"
#include "saver.hpp"
#include "scratch.hpp"

namespace perdure::bench {

/// How a run was asked for. Set once, before anything runs.
struct Settings {
  std::string directory = ".";
  std::string device;   ///< Below the directory, as /sys/block names it; empty: no counting.
  std::string drivers;  ///< Programs of other languages' peers; empty: none.
  std::string only;     ///< The name of one way; empty: all.
  bool quick = false;   ///< Fewer and smaller cases.
  unsigned count = 0;   ///< Instead of measuring, make so many turns and count flushes and bytes.
  RoundLimits limits;
};

/// Who takes part in a case, made for one run of it in a directory of its own.
using Field = std::vector<Candidate>;

struct Case {
  std::string name;  ///< FAMILY/PARAMETER
  std::function<Field(const Scratch&)> make;
  bool counted = false;  ///< Flushes and bytes mean something here.
  double weight = 1;     ///< How much of the time it gets.
};

/// All cases, in the order of the page.
std::vector<Case> make_cases(const Ways& ways, const Settings& settings);

void add_commit_cases(std::vector<Case>& cases, const Ways& ways, const Settings& settings);
void add_state_cases(std::vector<Case>& cases, const Ways& ways, const Settings& settings);
void add_serializer_cases(std::vector<Case>& cases, const Settings& settings);

/// Opens `way` in `directory`. One that can't be opened is named and left out.
void add_candidate(Field& field, const Way& way, const std::string& directory,
                   const std::function<bool(Saver&)>& turn);

/// Opens those of `ways` that fit, each in a directory of its own.
Field make_field(const Ways& ways, const Scratch& scratch,
                 const std::function<bool(const Way&)>& fits,
                 const std::function<bool(Saver&)>& turn);

/// Runs a case and says what came of it, by name: CANDIDATE/median_us, /quarter_us,
/// /three_quarters_us, /rounds, or when counting /flushes and /bytes, for one turn. A candidate
/// that failed has CANDIDATE/failed.
std::map<std::string, double> run_case(const Case& one, const Settings& settings);

}  // namespace perdure::bench
