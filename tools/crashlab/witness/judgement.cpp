// SPDX-License-Identifier: BSL-1.0
// Counts findings, and gives the grade.
#include "witness/judgement.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "common/json_text.hpp"
#include "host/posix.hpp"

namespace crashlab {
namespace {

struct Explained {
  const char* grade;
  const char* meaning;
};

constexpr Explained grades[] = {
    {"lost", "a sync promised what a power cut took"},
    {"torn", "a power cut leaves what was never there as a whole"},
    {"missing", "a power cut leaves neither the old nor the new file"},
    {"rolled back", "a power cut after the end takes back what the end promised"},
    {"in place", "written under its own name: judge again with --recover"},
    {"ordered", "a power cut leaves old or new, maybe old even after the end"},
    {"durable", "a power cut leaves old or new, and new after the end"},
};

std::string count_of(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Judgement::Judgement(const JudgeOptions& options)
    : options_(options), fast_(options.run.fs_kind() != FsKind::btrfs) {}

std::string words(const Finding& finding) {
  return std::string(name_of(finding.kind)) + ": " + finding.path + " " + finding.reason;
}

bool Judgement::add(const Finding& finding, const std::string& noise) {
  for (Tally& tally : tallies_) {
    if (tally.finding.kind != finding.kind || tally.finding.path != finding.path) continue;
    ++tally.states;
    return false;
  }
  tallies_.push_back({finding, 1, noise, ""});
  return true;
}

void Judgement::kept(const std::string& reason, const std::string& id) {
  for (Tally& tally : tallies_) {
    const bool named = reason.find(words(tally.finding)) != std::string::npos;
    if (tally.id.empty() && named) tally.id = id;
  }
}

void Judgement::measured(std::uint64_t calls, const Costs& costs, std::uint64_t flushes) {
  if (measured_) return;
  measured_ = true;
  calls_ = calls;
  costs_ = costs;
  flushes_ = flushes;
}

bool Judgement::has(Finding::Kind kind) const {
  return std::any_of(tallies_.begin(), tallies_.end(),
                     [&](const Tally& tally) { return tally.finding.kind == kind; });
}

bool Judgement::fault() const {
  return has(Finding::Kind::torn) || has(Finding::Kind::missing) || has(Finding::Kind::lost) ||
         (options_.durable && has(Finding::Kind::rolled_back));
}

std::string Judgement::grade() const {
  if (has(Finding::Kind::lost)) return "lost";
  if (has(Finding::Kind::torn)) return "torn";
  if (has(Finding::Kind::missing)) return "missing";
  if (options_.durable && has(Finding::Kind::rolled_back)) return "rolled back";
  if (has(Finding::Kind::in_place)) return "in place";
  return has(Finding::Kind::rolled_back) ? "ordered" : "durable";
}

std::string Judgement::costs_text() const {
  const auto needless = costs_.needless();
  std::string text =
      "costs: " + count_of(costs_.syncs(), "sync") + ", " + count_of(flushes_, "flush") + "; ";
  if (text.find("flushs") != std::string::npos) text.replace(text.find("flushs"), 6, "flushes");
  if (!needless.empty()) {
    text +=
        count_of(needless.size(), "sync") + " promised nothing new (" + joined(needless) + "); ";
  }
  text += "the same promises take " + std::to_string(costs_.cheapest());
  if (!fast_) return text + "\n";
  return text + ", and " + std::to_string(costs_.cheapest_fast()) +
         " where a file is published before its sync\n";
}

std::string Judgement::text() const {
  std::string text = options_.run.fs;
  if (!options_.run.mount_options.empty()) text += " (" + options_.run.mount_options + ")";
  text += ": " + count_of(calls_, "call") + " that changed or synced files; crash states:";
  for (const JudgedRun& run : runs_) {
    text += " " + std::to_string(run.states) + " (noise " + run.noise +
            (run.ended_by == "completion" ? "" : ", ended by " + run.ended_by) + ")";
  }
  text += "\n";
  for (const Tally& tally : tallies_) {
    text += words(tally.finding) + " (" + count_of(tally.states, "state");
    text += tally.id.empty() ? ")\n" : "; crashlab mount " + tally.id + ")\n";
  }
  if (refused_ > 0) {
    text += count_of(refused_, "state") +
            " could not be mounted, or fsck refused them: not the "
            "program's doing\n";
  }
  if (costs_.syncs() > 0) text += costs_text();
  const std::string given = grade();
  text += "grade: " + given;
  for (const Explained& grade : grades) {
    if (given == grade.grade) text += std::string(" - ") + grade.meaning;
  }
  if (!options_.recover.empty()) text += " (after its own recovery)";
  return text + "\n";
}

void Judgement::write_json(const std::string& path) const {
  boost::json::array findings;
  for (const Tally& tally : tallies_) {
    findings.push_back({{"kind", name_of(tally.finding.kind)},
                        {"path", tally.finding.path},
                        {"reason", tally.finding.reason},
                        {"states", tally.states},
                        {"noise", tally.noise},
                        {"id", tally.id}});
  }
  boost::json::array runs;
  for (const JudgedRun& run : runs_) {
    runs.push_back({{"noise", run.noise},
                    {"states", run.states},
                    {"ended_by", run.ended_by},
                    {"seconds", run.seconds}});
  }
  const boost::json::object report = {
      {"version", 1},
      {"fs", options_.run.fs},
      {"mount_options", options_.run.mount_options},
      {"command", boost::json::value_from(options_.command)},
      {"setup", options_.run.setup},
      {"recover", options_.recover},
      {"ignored", boost::json::value_from(options_.ignored)},
      {"durable_promised", options_.durable},
      {"seed", options_.run.seed},
      {"grade", grade()},
      {"calls", calls_},
      {"syncs", costs_.syncs()},
      {"syncs_needless", boost::json::value_from(costs_.needless())},
      {"syncs_cheapest", costs_.cheapest()},
      {"syncs_cheapest_fast", fast_ ? boost::json::value(costs_.cheapest_fast()) : nullptr},
      {"flushes", flushes_},
      {"refused", refused_},
      {"runs", std::move(runs)},
      {"findings", std::move(findings)},
      {"keep", options_.run.keep}};
  write_file(path, perdure::cli::json_text(report) + "\n");
}

}  // namespace crashlab
