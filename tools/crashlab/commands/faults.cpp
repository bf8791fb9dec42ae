// SPDX-License-Identifier: BSL-1.0
// Runs the workload anew for each number of a fault, until there is no such request.
#include "commands/faults.hpp"

#include <algorithm>
#include <cstdio>

#include <boost/json.hpp>

#include "commands/run.hpp"
#include "common/json_text.hpp"

namespace crashlab {
namespace {

/// The options of the run in which the open number is this one.
RunOptions numbered(const RunOptions& options, std::uint64_t number) {
  RunOptions run = options;
  for (std::string& text : run.faults) {
    Fault fault = Fault::parse(text);
    if (!fault.each) continue;
    fault.each = false;
    fault.number = number;
    text = fault.text();
  }
  return run;
}

/// The sum of all runs.
struct Tally {
  boost::json::array runs;
  std::uint64_t states = 0;
  std::uint64_t violations = 0;
  std::uint64_t bad = 0;     ///< runs with violations
  std::uint64_t honest = 0;  ///< runs whose workload ended with an error
  std::uint64_t kept = 0;
};

std::string line_of(std::uint64_t number, const Findings& findings) {
  std::string text = "  @" + std::to_string(number) + ": " +
                     std::to_string(findings.summary.violation_count()) + " violations of " +
                     std::to_string(findings.summary.states) + " states, " +
                     std::to_string(findings.recording.acks.size()) + " acknowledged; " +
                     findings.workload.story() + "\n";
  for (const Violation& violation : findings.kept) {
    text += "    " + violation.id + " " + name_of(violation.kind) + ": " +
            violation.reason.substr(0, violation.reason.find('\n')) + "\n";
  }
  return text;
}

int report(const RunOptions& options, const Tally& tally) {
  std::printf(
      "%zu runs on %s, one for each request that the fault can strike; the workload ended "
      "with an error in %llu\n%llu violations of %llu states, in %llu runs\n",
      tally.runs.size(), options.fs.c_str(), static_cast<unsigned long long>(tally.honest),
      static_cast<unsigned long long>(tally.violations),
      static_cast<unsigned long long>(tally.states), static_cast<unsigned long long>(tally.bad));
  if (tally.kept > 0) {
    std::printf("kept in %s; `crashlab show ID` tells more\n", options.keep.c_str());
  }
  if (!options.json.empty()) {
    const boost::json::object all = {{"version", 1},
                                     {"fs", options.fs},
                                     {"faults", boost::json::value_from(options.faults)},
                                     {"states", tally.states},
                                     {"violations", tally.violations},
                                     {"runs", tally.runs}};
    write_file(options.json, perdure::cli::json_text(all) + "\n");
  }
  return tally.violations > 0 ? 1 : 0;
}

}  // namespace

int faults_command(const RunOptions& options, const Guarded& guarded) {
  const std::vector<Fault> faults = options.disk_faults();
  const auto each =
      std::find_if(faults.begin(), faults.end(), [](const Fault& it) { return it.each; });
  if (each == faults.end()) return run_command(options, guarded);
  Tally tally;
  DiskContent base;  // of the first run: those after it start from there
  for (std::uint64_t number = 1; !Guarded::stopping(); number += each->step) {
    RunOptions run = numbered(options, number);
    run.keep_max = options.keep_max - std::min(options.keep_max, tally.kept);
    try {
      run_command(
          run, guarded,
          [&](const Findings& findings) {
            const std::uint64_t violations = findings.summary.violation_count();
            tally.runs.push_back(boost::json::parse(json_text(findings)));
            tally.states += findings.summary.states;
            tally.violations += violations;
            tally.bad += violations > 0 ? 1 : 0;
            tally.honest += findings.workload.good() ? 0 : 1;
            tally.kept += findings.kept.size();
            std::fputs(line_of(number, findings).c_str(), stdout);
            std::fflush(stdout);
            if (base.empty()) base = findings.recording.base;
            return 0;
          },
          base);
    } catch (const NotStruck&) {
      if (number == 1) throw;
      break;
    }
    clear(guarded.run_dir());
  }
  const int status = report(options, tally);
  return Guarded::stopping() ? 2 : status;
}

}  // namespace crashlab
