// SPDX-License-Identifier: BSL-1.0
// Puts a report of recovery in words.
#include "terminal/recovery.hpp"

#include <iostream>

#include <boost/json/array.hpp>

#include "terminal/output.hpp"

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
          {"damage", report.damage},         {"paths", std::move(paths)},
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
  for (const auto& path : report.paths) {
    text += "  " + std::string(words_for(path.step, mode)) + "  " + printable(path.path) + " (" +
            path.action + ")\n";
    if (!path.kept.empty()) text += "    its new content is kept in " + printable(path.kept) + "\n";
  }
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
            << ": somebody else changed it meanwhile; it was left as it is";
  if (!kept.empty()) std::cerr << ", its new content is kept in " << printable(kept);
  std::cerr << "\n";
}

}  // namespace perdure::cli
