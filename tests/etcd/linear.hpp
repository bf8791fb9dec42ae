// SPDX-License-Identifier: BSL-1.0
// Whether updates of one counter, told by several programs, happened in one order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace perdure::test {

/// One update: when it began and ended on the machine's clock, the value that it made and its
/// generation; without both where its program was not told what became of it.
struct Told {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::optional<std::uint64_t> value;
  std::optional<std::uint64_t> generation;
};

/// Reads what a program has told of its updates, line by line: "begin B" before each, and behind it
/// "done B E VALUE GENERATION", or "undone B". An update without a second line, of a program that
/// was killed or was not told, may have been done at any time. False for another text.
inline bool parse_told(const std::string& text, std::vector<Told>& told) {
  std::map<std::int64_t, Told> mine;
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  std::string word;
  std::int64_t begin = 0;
  while (lines >> word >> begin) {
    if (word == "undone") {
      mine.erase(begin);
      continue;
    }
    if (word != "begin" && word != "done") return false;
    Told& one = mine[begin];
    one.begin = begin;
    if (word == "begin") continue;
    std::uint64_t value = 0;
    std::uint64_t generation = 0;
    if (!(lines >> one.end >> value >> generation)) return false;
    one.value = value;
    one.generation = generation;
  }
  for (const auto& [key, one] : mine) told.push_back(one);
  return lines.eof();
}

/// A counter that each update counts up by one is linearizable if the values are an order of the
/// updates: none twice, and none made by an update that began after the end of one with a higher
/// value. Values that nobody was told are those of updates of unknown fate. In words what is wrong;
/// empty if nothing is.
inline std::string fault_in(std::vector<Told> told, std::uint64_t final_value) {
  std::uint64_t unknown = 0;
  std::set<std::uint64_t> values;
  std::set<std::uint64_t> generations;
  std::erase_if(told, [&](const Told& one) {
    if (!one.value) ++unknown;
    return !one.value;
  });
  for (const Told& one : told) {
    const std::string words = "value " + std::to_string(*one.value);
    if (!values.insert(*one.value).second) return words + " was made twice";
    if (*one.value > final_value) return words + " was lost: the state is below it";
    if (!generations.insert(*one.generation).second) {
      return "generation " + std::to_string(*one.generation) + " was given twice";
    }
  }
  if (final_value > told.size() + unknown) {
    return "the state is " + std::to_string(final_value) + ", of " + std::to_string(told.size()) +
           " updates that were told and " + std::to_string(unknown) + " that may have been done";
  }
  std::ranges::sort(told, {}, [](const Told& one) { return *one.value; });
  // From the highest value down: the earliest end of all that come later in the order.
  std::int64_t earliest_end = INT64_MAX;
  std::uint64_t lowest_generation = UINT64_MAX;
  for (auto one = told.rbegin(); one != told.rend(); ++one) {
    const std::string words = "value " + std::to_string(*one->value);
    if (one->begin > earliest_end) {
      return words + " began after a higher one had ended, and stands before it";
    }
    if (*one->generation > lowest_generation) {
      return words + " has a higher generation than a value that follows";
    }
    earliest_end = std::min(earliest_end, one->end);
    lowest_generation = std::min(lowest_generation, *one->generation);
  }
  return {};
}

}  // namespace perdure::test
