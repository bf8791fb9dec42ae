// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <set>
#include <unistd.h>

namespace perdure::bench {
namespace {

using Figures = std::map<std::string, double>;

void sync_all(const std::string& directory) {
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ::syncfs(opened);
  ::close(opened);
}

/// One candidate after the other, each on a quiet device. Without a device the turns are made all
/// the same: somebody counts system calls from outside.
void count(Field& field, const Settings& settings, Figures& figures) {
  for (auto& candidate : field) {
    const auto turn = [&] {
      return (!candidate.prepare || candidate.prepare()) && candidate.turn();
    };
    candidate.failed = !turn();
    sync_all(settings.directory);
    const auto before = read_counters(settings.device);
    for (unsigned i = 0; i < settings.count && !candidate.failed; ++i) candidate.failed = !turn();
    const auto after = read_counters(settings.device);
    if (!before || !after || candidate.failed) continue;
    const auto each = [&](std::uint64_t from, std::uint64_t to) {
      return static_cast<double>(to - from) / settings.count;
    };
    figures[candidate.name + "/flushes"] = each(before->flushes, after->flushes);
    figures[candidate.name + "/bytes"] = each(before->bytes_written, after->bytes_written);
  }
}

void measure(Field& field, const RoundLimits& limits, Figures& figures) {
  run_rounds(field, limits);
  constexpr double us = 1e6;
  for (const auto& candidate : field) {
    if (candidate.times_s.empty()) continue;
    const Spread spread = spread_of(candidate.times_s);
    figures[candidate.name + "/quarter_us"] = spread.quarter * us;
    figures[candidate.name + "/median_us"] = spread.median * us;
    figures[candidate.name + "/three_quarters_us"] = spread.three_quarters * us;
    figures[candidate.name + "/rounds"] = static_cast<double>(candidate.times_s.size());
  }
}

}  // namespace

std::vector<Case> make_cases(const Ways& ways, const Settings& settings) {
  std::vector<Case> cases;
  add_commit_cases(cases, ways, settings);
  add_state_cases(cases, ways, settings);
  add_serializer_cases(cases, settings);
  return cases;
}

void add_candidate(Field& field, const Way& way, const std::string& directory,
                   const std::function<bool(Saver&)>& turn) {
  try {
    const std::shared_ptr<Saver> saver = way.open(directory);
    field.push_back({.name = way.name,
                     .turn = [saver, turn] { return turn(*saver); },
                     .own_time_s = [saver] { return saver->own_time_s(); }});
  } catch (const std::exception& error) {
    static std::set<std::string> told;
    if (told.insert(way.name).second) {
      std::cerr << way.name << " is left out: " << error.what() << "\n";
    }
  }
}

Field make_field(const Ways& ways, const Scratch& scratch,
                 const std::function<bool(const Way&)>& fits,
                 const std::function<bool(Saver&)>& turn) {
  Field field;
  for (const auto& way : ways) {
    if (!fits(way)) continue;
    std::string leaf = way.name;
    std::replace(leaf.begin(), leaf.end(), ' ', '-');
    add_candidate(field, way, scratch.make(leaf), turn);
  }
  return field;
}

std::map<std::string, double> run_case(const Case& one, const Settings& settings) {
  const Scratch scratch(settings.directory);
  Field field = one.make(scratch);
  Figures figures;
  if (settings.count > 0) {
    count(field, settings, figures);
  } else {
    RoundLimits limits = settings.limits;
    limits.seconds *= one.weight;
    measure(field, limits, figures);
  }
  for (const auto& candidate : field) {
    if (candidate.failed) figures[candidate.name + "/failed"] = 1;
  }
  return figures;
}

}  // namespace perdure::bench
