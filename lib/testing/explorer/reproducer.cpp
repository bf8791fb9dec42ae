// SPDX-License-Identifier: BSL-1.0
// Replays a row of crashes, shrinks it, and writes it down.
#include "testing/explorer/reproducer.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace perdure::testing {

namespace {

/// One crash after the other; `at` sees each point before its crash.
template <class See>
std::optional<Finding> go(const Runner& runner, const CrashPath& path, bool& possible, See see) {
  possible = false;
  std::vector<Point> points;
  auto at_once = runner.run(path.variant, points);
  if (path.steps.empty()) {
    possible = true;
    return at_once;
  }
  for (std::size_t i = 0; i < path.steps.size(); ++i) {
    const Step& step = path.steps[i];
    if (step.point >= points.size()) return std::nullopt;
    const Point& point = points[step.point];
    if (!step.kill && !is_possible(point.disk, step.choice, runner.bounds(i))) return std::nullopt;
    see(step, point);
    const Disk disk = step.kill ? killed(point) : crash_state(point.disk, step.choice);
    const History history = crashed(point, step.kill ? Event::Kind::kill : Event::Kind::power_cut);
    const bool is_last = i + 1 == path.steps.size();
    std::vector<Point> next;
    auto finding = runner.recover(disk, history, path.variant, static_cast<unsigned>(i + 1),
                                  is_last ? nullptr : &next);
    if (is_last) {
      possible = true;
      return finding;
    }
    points = std::move(next);
  }
  return std::nullopt;
}

std::string quoted_history(const History& history) {
  std::string text;
  const std::size_t from = history->size() > 6 ? history->size() - 6 : 0;
  if (from > 0) text = "... ";
  for (std::size_t i = from; i < history->size(); ++i) {
    const Event& event = (*history)[i];
    if (i > from) text += "; ";
    switch (event.kind) {
      case Event::Kind::attempt:
        text +=
            "attempt " + std::to_string(event.attempt) + " " + event.target +
            (event.content ? " = " + std::to_string(event.content->size()) + " bytes" : " removed");
        break;
      case Event::Kind::acknowledged:
        text += "acknowledged " + std::to_string(event.attempt);
        break;
      case Event::Kind::failed:
        text += "failed " + std::to_string(event.attempt) + " " +
                std::string(perdure::to_string(event.fate));
        break;
      case Event::Kind::kill:
        text += "kill";
        break;
      case Event::Kind::power_cut:
        text += "power cut";
        break;
    }
  }
  return text;
}

bool is_lost(const Choice& choice, std::uint64_t number) {
  return std::ranges::find(choice.lost, number) != choice.lost.end();
}

void write_step(std::ostream& out, std::size_t number, const Step& step, const Point& point) {
  out << "crash " << number << ": " << (step.kill ? "kill" : "power cut") << " at point "
      << step.point << ", " << (point.partial ? "within " : "before ");
  if (point.event) {
    out << "the next event";
  } else if (point.next == Operation::close) {
    out << "the end";
  } else {
    out << to_string(point.next);
  }
  out << "\n";
  if (!point.history->empty()) out << "  history: " << quoted_history(point.history) << "\n";
  if (step.kill) return;
  std::string kept;
  std::size_t count = 0;
  for (const Pending& pending : point.disk.log) {
    if (pending.durable || is_lost(step.choice, pending.change->number)) continue;
    if (++count <= 4) kept += (kept.empty() ? "" : "; ") + summary(*pending.change, point.disk);
  }
  if (count > 4) kept += "; and " + std::to_string(count - 4) + " more";
  if (count > 0) out << "  kept: " << kept << "\n";
  for (const Pending& pending : point.disk.log) {
    if (pending.durable || !is_lost(step.choice, pending.change->number)) continue;
    out << "  lost " << pending.change->number << ": " << summary(*pending.change, point.disk)
        << "\n";
  }
  for (const Tear& tear : step.choice.tears) {
    out << "  torn " << tear.inode << " size " << tear.size;
    if (tear.blocks.empty()) {
      out << " new " << tear.cut << " rest " << tear.rest;
    } else {
      out << " blocks " << tear.blocks;
    }
    out << ": " << point.disk.visible.path_of(tear.inode) << "\n";
  }
}

void write_fault(std::ostream& out, const Fault& fault) {
  out << "fault: " << (fault.operation ? to_string(*fault.operation) : "any") << " " << fault.call;
  if (fault.count) {
    out << " count " << *fault.count;
  } else {
    out << " errno " << fault.error;
  }
  if (fault.from_then_on) out << " from_then_on";
  if (fault.after_effect) out << " after_effect";
  if (fault.elsewhere) out << " elsewhere";
  if (!fault.count) out << " (" << errno_name(fault.error) << ")";
  out << "\n";
}

[[noreturn]] void refuse(const std::string& line) {
  throw std::invalid_argument("reproducer: can't read '" + line + "'");
}

/// The words of a line up to a colon, a comma or a bracket; the rest is for people.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    if (word.front() == '(') break;
    const bool ends = word.back() == ':' || word.back() == ',';
    if (ends) word.pop_back();
    words.push_back(word);
    if (ends && words.size() > 2 && words[0] != "preset") break;
  }
  return words;
}

std::uint64_t number(const std::vector<std::string>& words, std::size_t at,
                     const std::string& line) {
  std::uint64_t value = 0;
  if (at >= words.size()) refuse(line);
  const char* const end = words[at].data() + words[at].size();
  if (std::from_chars(words[at].data(), end, value).ptr != end) refuse(line);
  return value;
}

/// The same for a position or a count in memory.
std::size_t position(const std::vector<std::string>& words, std::size_t at,
                     const std::string& line) {
  const std::uint64_t value = number(words, at, line);
  if (value > std::numeric_limits<std::size_t>::max()) refuse(line);
  return static_cast<std::size_t>(value);
}

Fault read_fault(const std::vector<std::string>& words, const std::string& line) {
  Fault fault;
  if (words.size() < 5) refuse(line);
  if (words[1] != "any") {
    fault.operation = parse_operation(words[1]);
    if (!fault.operation) refuse(line);
  }
  fault.call = number(words, 2, line);
  if (words[3] == "count") {
    fault.count = number(words, 4, line);
  } else {
    fault.error = static_cast<int>(number(words, 4, line));
  }
  fault.from_then_on = std::ranges::find(words, "from_then_on") != words.end();
  fault.after_effect = std::ranges::find(words, "after_effect") != words.end();
  fault.elsewhere = std::ranges::find(words, "elsewhere") != words.end();
  return fault;
}

Tear read_tear(const std::vector<std::string>& words, const std::string& line) {
  Tear tear;
  if (words.size() < 6) refuse(line);
  tear.inode = static_cast<InodeId>(number(words, 1, line));
  tear.size = number(words, 3, line);
  if (words[4] == "blocks") {
    tear.blocks = words[5];
    tear.rest = 'd';
  } else {
    tear.cut = number(words, 5, line);
    if (words.size() < 8 || words[7].size() != 1) refuse(line);
    tear.rest = words[7].front();
  }
  return tear;
}

}  // namespace

std::optional<Finding> follow(const Runner& runner, const CrashPath& path, bool* possible) {
  bool was_possible = false;
  auto finding = go(runner, path, was_possible, [](const Step&, const Point&) {});
  if (possible != nullptr) *possible = was_possible;
  return finding;
}

CrashPath shrink(const Runner& runner, CrashPath path) {
  const auto better = [&](const CrashPath& smaller) {
    if (!follow(runner, smaller)) return false;
    path = smaller;
    return true;
  };
  for (std::size_t i = path.steps.size(); i-- > 0;) {
    for (std::size_t k = path.steps[i].choice.tears.size(); k-- > 0;) {
      CrashPath smaller = path;
      auto& tears = smaller.steps[i].choice.tears;
      tears.erase(tears.begin() + static_cast<std::ptrdiff_t>(k));
      better(smaller);
    }
    for (std::size_t k = path.steps[i].choice.lost.size(); k-- > 0;) {
      if (k >= path.steps[i].choice.lost.size()) continue;
      CrashPath smaller = path;
      auto& lost = smaller.steps[i].choice.lost;
      lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(k));
      better(smaller);
    }
  }
  while (!path.variant.schedule.empty()) {
    CrashPath smaller = path;
    smaller.variant.schedule.pop_back();
    if (!better(smaller)) break;
  }
  return path;
}

std::string write_path(const Runner& runner, const CrashPath& path, const Finding& finding) {
  std::ostringstream out;
  out << "workload: " << runner.workload().name << "\n";
  out << "preset: " << runner.options().preset->name << ", seed: " << runner.options().seed << "\n";
  if (!path.variant.schedule.empty()) {
    out << "schedule:";
    for (const std::size_t calls : path.variant.schedule) out << " " << calls;
    out << "\n";
  }
  if (path.variant.case_number != 0) out << "case: " << path.variant.case_number << "\n";
  for (const Fault& fault : path.variant.faults) write_fault(out, fault);
  std::size_t number = 0;
  bool possible = false;
  (void)go(runner, path, possible,
           [&](const Step& step, const Point& point) { write_step(out, ++number, step, point); });
  if (path.steps.empty()) out << "no crash is needed\n";
  out << "found by " << finding.oracle << ": " << finding.words << "\n";
  return out.str();
}

CrashPath read_path(std::string_view text) {
  CrashPath path;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (words[0] == "preset" && words.size() > 3) {
      path.preset = find_preset(words[1]);
      path.seed = number(words, 3, line);
    } else if (words[0] == "schedule") {
      for (std::size_t i = 1; i < words.size(); ++i) {
        path.variant.schedule.push_back(position(words, i, line));
      }
    } else if (words[0] == "case") {
      path.variant.case_number = position(words, 1, line);
    } else if (words[0] == "fault") {
      path.variant.faults.push_back(read_fault(words, line));
    } else if (words[0] == "crash" && words.size() > 3) {
      const bool kill = words[2] == "kill";
      path.steps.push_back({kill, position(words, kill ? 5 : 6, line), {}});
    } else if ((words[0] == "lost" || words[0] == "torn") && path.steps.empty()) {
      refuse(line);
    } else if (words[0] == "lost") {
      path.steps.back().choice.lost.push_back(number(words, 1, line));
    } else if (words[0] == "torn") {
      path.steps.back().choice.tears.push_back(read_tear(words, line));
    }
  }
  if (path.preset == nullptr) throw std::invalid_argument("reproducer: no preset of that name");
  return path;
}

}  // namespace perdure::testing
