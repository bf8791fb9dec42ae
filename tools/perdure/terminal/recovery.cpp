// SPDX-License-Identifier: BSL-1.0
// Puts a report of recovery in words.
#include "terminal/recovery.hpp"

#include <algorithm>
#include <iostream>
#include <map>

#include <boost/json/array.hpp>

namespace perdure::cli {

namespace {

std::string_view words_for(RecoveryStep step, RecoveryMode mode) {
  switch (step) {
    case RecoveryStep::done:
      return "is new            ";
    case RecoveryStep::redo:
      return mode == RecoveryMode::recovered   ? "put in place      "
             : mode == RecoveryMode::abandoned ? "is old            "
                                               : "to be put in place";
    case RecoveryStep::foreign:
      return "changed by others ";
    case RecoveryStep::lost:
      return "can't be finished ";
    case RecoveryStep::unclear:
      return "can't be told     ";
  }
  return "";
}

/// Of the paths that need nobody, so many are named for each step.
constexpr std::size_t named_max = 20;

bool needs_nobody(RecoveryStep step) {
  return step == RecoveryStep::done || step == RecoveryStep::redo;
}

/// A line for each path, or for all behind the first ones of a step.
std::string lines_of(const std::vector<RecoveredPath>& paths, RecoveryMode mode) {
  std::string text;
  std::map<RecoveryStep, std::size_t> counts;
  const auto add = [&](RecoveryStep step, const std::string& words) {
    text.append("  ").append(words_for(step, mode)).append("  ").append(words).append("\n");
  };
  for (const auto& path : paths) {
    const std::size_t count = ++counts[path.step];
    // An abandoned transaction is not there to be asked a second time.
    const bool all = mode == RecoveryMode::abandoned || !needs_nobody(path.step);
    if (count > named_max && !all) continue;
    add(path.step, printable(path.path) + " (" + path.action + ")");
    if (path.kept.empty()) continue;
    text.append("    its new content is kept in ").append(printable(path.kept)).append("\n");
  }
  if (mode == RecoveryMode::abandoned) return text;
  for (const auto& [step, count] : counts) {
    if (count <= named_max || !needs_nobody(step)) continue;
    add(step, std::to_string(count - named_max) + " more (--json names all)");
  }
  return text;
}

constexpr std::string_view unreadable_words =
    "the disk can't read a block of the log behind the last commit: if it was not the power cut "
    "that tore it, commits are lost\n";

}  // namespace

boost::json::object to_json(const RecoveryReport& report) {
  boost::json::array paths;
  for (const auto& path : report.paths) {
    paths.push_back({{"path", utf8(path.path)},
                     {"action", path.action},
                     {"step", to_string(path.step)},
                     {"kept", utf8(path.kept)}});
  }
  return {{"journal", report.journal},       {"id", report.id},
          {"damage", utf8(report.damage)},   {"paths", std::move(paths)},
          {"discarded", report.discarded},   {"set_aside", utf8(report.set_aside)},
          {"unreadable", report.unreadable}, {"restored", report.restored},
          {"no_root", report.no_root}};
}

std::string to_text(const std::string& root, const RecoveryReport& report, RecoveryMode mode) {
  std::string text = printable(root) + ": ";
  const bool read = !report.id.empty();
  if (!report.damage.empty() && !read) {
    text += "its journal can't be read: " + printable(report.damage) + "\n";
  } else if (!report.journal) {
    text += report.no_root    ? "no root: no transaction was ever committed there\n"
            : report.restored ? "its private directory was gone, and is there again, empty\n"
                              : "at rest, no transaction to finish\n";
  } else {
    text += "transaction " + printable(report.id) + ", " + std::to_string(report.paths.size()) +
            " paths\n";
    if (!report.damage.empty()) text += "  damage: " + printable(report.damage) + "\n";
  }
  text += lines_of(report.paths, mode);
  if (report.unreadable) text += "  " + std::string(unreadable_words);
  if (report.discarded > 0) {
    text += "  " + std::to_string(report.discarded) + " staged files that were never committed " +
            (mode == RecoveryMode::inspected ? "are left\n" : "were removed\n");
  }
  if (!report.set_aside.empty()) {
    text += "  set aside in " + printable(report.set_aside) + "\n";
  }
  return text;
}

ExitStatus status_of_inspected(const RecoveryReport& report) {
  const bool decided =
      report.damage.empty() &&
      std::none_of(report.paths.begin(), report.paths.end(), [](const auto& path) {
        return path.step == RecoveryStep::lost || path.step == RecoveryStep::unclear;
      });
  return decided ? ExitStatus::success : ExitStatus::recover;
}

void tell_recovery(const std::string& root, const RecoveryReport& report) {
  if (report.journal) {
    std::cerr << "perdure: " << printable(root) << ": finished transaction " << printable(report.id)
              << " first, which a crash had interrupted\n";
  }
  for (const auto& path : report.paths) {
    if (path.step == RecoveryStep::foreign) tell_left_alone(path.path, path.kept);
  }
  if (report.unreadable) std::cerr << "perdure: " << printable(root) << ": " << unreadable_words;
  if (report.discarded > 0) {
    std::cerr << "perdure: " << printable(root) << ": removed " << report.discarded
              << " staged files that were never committed\n";
  }
}

void tell_left_alone(const std::string& path, const std::string& kept) {
  std::cerr << "perdure: " << printable(path)
            << ": somebody else changed it in the meantime; it was left as it is";
  if (!kept.empty()) std::cerr << ", its new content is kept in " << printable(kept);
  std::cerr << "\n";
}

}  // namespace perdure::cli
