// SPDX-License-Identifier: BSL-1.0
// Writes the line, the summary and the JSON file of a run.
#include "judging/report.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>

#include <boost/json.hpp>

#include <perdure/detail/progress_words.hpp>

#include "common/json_text.hpp"
#include "host/guard.hpp"

namespace crashlab {
namespace {

constexpr double refresh_s = 0.25;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

double rate_of(const Summary& summary) {
  return summary.seconds > 0 ? static_cast<double>(summary.states) / summary.seconds : 0;
}

/// Choices, states and time each have a limit: the first to be reached counts.
double seconds_left(const Summary& summary, const RunOptions& options) {
  if (summary.considered == 0 || summary.states == 0) return 0;
  const auto left = [&](std::uint64_t done, std::uint64_t total) {
    return summary.seconds * static_cast<double>(total - std::min(done, total)) /
           static_cast<double>(done);
  };
  double seconds =
      std::min(left(summary.considered, summary.choices), left(summary.states, options.states_max));
  if (options.time_max_s > 0) seconds = std::min(seconds, options.time_max_s - summary.seconds);
  return std::max(seconds, 0.0);
}

}  // namespace

Progress::Progress(bool wanted) : wanted_(wanted && ::isatty(2) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
  shown_ = false;
}

void Progress::show(const std::string& what) {
  line(what);
}

void Progress::show(const Summary& summary, const RunOptions& options) {
  if (seconds_since(last_) < refresh_s) return;
  const auto count = [](std::uint64_t of) { return std::to_string(of); };
  line(options.fs + ": " +
       perdure::detail::progress_words(summary.states, {}, summary.seconds, "states", count) +
       ", at most " + perdure::detail::words_of_seconds(seconds_left(summary, options)) +
       " left, " + std::to_string(summary.violation_count()) + " violations");
}

void Progress::line(const std::string& text) {
  Guarded::say(text);
  last_ = Clock::now();
  if (!wanted_) return;
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
  shown_ = true;
}

std::string summary_text(const Findings& findings) {
  const Summary& summary = findings.summary;
  const RunOptions& options = findings.options;
  std::string text = options.fs;
  if (options.layer != "none") text += " below " + options.layer;
  if (!options.mount_options.empty()) text += " (" + options.mount_options + ")";
  text += " on Linux " + kernel_release() + ", noise " + options.noise + ": " +
          std::to_string(findings.recording.writes.size()) + " writes, " +
          std::to_string(findings.recording.flushes.size()) + " flushes, " +
          std::to_string(findings.recording.acks.size()) + " acknowledgements recorded in " +
          format("%.1f s\n", findings.workload_seconds);
  text += faults_text(findings);
  text += std::to_string(summary.states) + " crash states at " + std::to_string(summary.points) +
          " points in " + format("%.1f s", summary.seconds) + format(" (%.0f/s)", rate_of(summary));
  text += summary.cut.empty() ? ", all there are under the rules" : ", ended by " + summary.cut;
  text += "; " + std::to_string(summary.fsck_runs) + " examined by fsck\n";
  if (summary.violation_count() == 0) return text + "no violation\n";
  text += std::to_string(summary.violation_count()) +
          " violations: " + std::to_string(summary.violations[0]) + " by the checker, " +
          std::to_string(summary.violations[1]) + " not mountable, " +
          std::to_string(summary.violations[2]) + " by fsck\n";
  for (const Violation& violation : findings.kept) {
    text += "  " + violation.id + " " + name_of(violation.kind) + ": " +
            violation.reason.substr(0, violation.reason.find('\n')) + "\n";
  }
  if (!findings.kept.empty()) {
    text += "kept in " + options.keep + "; `crashlab show ID` tells more\n";
  }
  return text;
}

std::string faults_text(const Findings& findings) {
  const auto& strikes = findings.recording.strikes;
  if (findings.options.faults.empty()) return "";
  std::string text = "faults:";
  for (const std::string& fault : findings.options.faults) text += " " + fault;
  text += "; " + std::to_string(strikes.size()) + " requests were struck";
  if (!strikes.empty()) {
    text += strikes.front().length == 0 ? ", the first one a flush"
                                        : ", the first one at sector " +
                                              std::to_string(strikes.front().offset / fault_sector);
  }
  if (findings.noise_told) text += "; another program's sync was told";
  text += "\nthe workload ended with " + findings.workload.story() + "\n";
  return text;
}

std::string json_text(const Findings& findings) {
  const Summary& summary = findings.summary;
  const RunOptions& options = findings.options;
  boost::json::array kept;
  for (const Violation& violation : findings.kept) {
    kept.push_back({{"id", violation.id},
                    {"kind", name_of(violation.kind)},
                    {"reason", violation.reason},
                    {"acknowledged", violation.ack_count}});
  }
  const boost::json::object report = {
      {"version", 1},
      {"kernel", kernel_release()},
      {"fs", options.fs},
      {"layer", options.layer},
      {"mount_options", options.mount_options},
      {"mkfs_options", options.mkfs_options},
      {"size", options.size},
      {"seed", options.seed},
      {"noise", options.noise},
      {"write_latency_us", options.write_latency_us},
      {"flush_latency_us", options.flush_latency_us},
      {"sector_size", options.sector_size},
      {"flushes_ignored", options.ignore_flushes},
      {"faults", boost::json::value_from(options.faults)},
      {"strikes", findings.recording.strikes.size()},
      {"noise_told", findings.noise_told},
      {"workload_status", findings.workload.exit_code},
      {"workload_output", findings.workload.output},
      {"workload", options.workload},
      {"workload_seconds", findings.workload_seconds},
      {"writes", findings.recording.writes.size()},
      {"flushes", findings.recording.flushes.size()},
      {"acknowledgements", findings.recording.acks.size()},
      {"crash_points", summary.points},
      {"choices", summary.choices},
      {"choices_considered", summary.considered},
      {"states", summary.states},
      {"seconds", summary.seconds},
      {"states_per_second", rate_of(summary)},
      {"ended_by", summary.cut.empty() ? "completion" : summary.cut},
      {"fsck_runs", summary.fsck_runs},
      {"violations",
       {{"check", summary.violations[0]},
        {"mount", summary.violations[1]},
        {"fsck", summary.violations[2]}}},
      {"kept", std::move(kept)},
      {"keep", options.keep}};
  return perdure::cli::json_text(report);
}

void write_json(const std::string& path, const Findings& findings) {
  write_file(path, json_text(findings) + "\n");
}

}  // namespace crashlab
