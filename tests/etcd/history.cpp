// SPDX-License-Identifier: BSL-1.0
#include "history.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

namespace perdure::test {
namespace {

/// An update on its way.
struct Begun {
  std::int64_t begin = 0;
  bool unknown = false;
};
using AllBegun = std::map<std::uint64_t, Begun>;

/// The end of an update, from its line. False where the line makes no sense.
bool add_end(History& history, AllBegun& all, const std::string& word, std::istringstream& rest) {
  std::uint64_t number = 0;
  Operation made{.kind = Operation::Kind::update};
  if (!(rest >> number >> made.end)) return false;
  const auto one = all.find(number);
  if (one == all.end()) return false;
  made.begin = one->second.begin;
  if (word == "unknown") {
    ++history.unknown;
    return !std::exchange(one->second.unknown, true);
  }
  const bool done = word == "done" || word == "found";
  if (done) {
    std::uint64_t generation = 0;
    if (!(rest >> made.value)) return false;
    if (word == "done") {
      if (!(rest >> generation)) return false;
      made.generation = generation;
    }
    history.operations.push_back(made);
  }
  if (word == "done") ++history.acknowledged;
  if (word == "undone") ++history.refused;
  if (word == "found") ++history.found;
  if (word == "missing") ++history.missing;
  // A word that was said once stands. Only an unknown fate can be found out.
  const bool settles = word == "found" || word == "missing";
  const bool is_answer = word == "done" || word == "undone";
  if ((is_answer && one->second.unknown) || (!settles && !is_answer)) return false;
  all.erase(one);
  return true;
}

bool add_line(History& history, AllBegun& all, const std::string& line) {
  std::istringstream rest(line);
  std::string word;
  rest >> word;
  if (word == "begin") {
    std::uint64_t number = 0;
    Begun begun;
    return (rest >> number >> begun.begin) && all.emplace(number, begun).second;
  }
  if (word != "read" && word != "fence") return add_end(history, all, word, rest);
  Operation made{.kind = word == "read" ? Operation::Kind::read : Operation::Kind::fence};
  std::uint64_t generation = 0;
  if (!(rest >> made.begin >> made.end >> made.value >> generation)) return false;
  made.generation = generation;
  history.operations.push_back(made);
  return true;
}

std::string words_of(const Operation& one) {
  constexpr const char* kinds[] = {"a read of ", "the update to ", "a commit again of "};
  std::string words = kinds[static_cast<std::size_t>(one.kind)] + std::to_string(one.value);
  if (one.generation) words += " in generation " + std::to_string(*one.generation);
  return words;
}

/// Each value is there once.
std::string fault_in_values(const History& history, std::uint64_t final_value) {
  std::map<std::uint64_t, unsigned> updates;
  for (const Operation& one : history.operations) {
    if (one.value > final_value) return words_of(one) + " was lost: the state is below it";
    if (one.kind == Operation::Kind::update && ++updates[one.value] > 1) {
      return words_of(one) + " was made twice";
    }
  }
  for (std::uint64_t value = 1; value <= final_value; ++value) {
    if (!updates.contains(value)) {
      return "nobody made " + std::to_string(value) +
             ": an update was done twice, or one that was called undone was done";
    }
  }
  return {};
}

/// A number stands for one commit and one value.
std::string fault_in_generations(const History& history) {
  std::map<std::uint64_t, std::uint64_t> values;
  std::map<std::uint64_t, unsigned> commits;
  for (const Operation& one : history.operations) {
    if (!one.generation) continue;
    const auto [seen, is_new] = values.emplace(*one.generation, one.value);
    const bool is_commit = one.kind != Operation::Kind::read;
    if (seen->second != one.value || (is_commit && ++commits[*one.generation] > 1)) {
      return words_of(one) + ": its generation was given twice";
    }
  }
  return {};
}

}  // namespace

std::string add_told(History& history, const std::string& text) {
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  AllBegun all;
  for (std::string line; std::getline(lines, line);) {
    if (!add_line(history, all, line)) return line;
  }
  history.open += all.size();
  return {};
}

std::string fault_in(const History& history, std::uint64_t final_value) {
  if (history.open > 0) return std::to_string(history.open) + " updates were never settled";
  std::string fault = fault_in_values(history, final_value);
  if (fault.empty()) fault = fault_in_generations(history);
  if (!fault.empty()) return fault;
  // The update comes first among those with its value; then their numbers say the order.
  std::vector<Operation> all = history.operations;
  std::ranges::sort(all, {}, [](const Operation& one) {
    const bool is_update = one.kind == Operation::Kind::update;
    return std::tuple(one.value, !is_update, one.generation.value_or(0),
                      one.kind == Operation::Kind::read, one.begin);
  });
  // From the last one back: the earliest end, and the lowest number, of all that follow.
  const Operation* earliest = nullptr;
  const Operation* lowest = nullptr;
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (earliest != nullptr && one->begin > earliest->end) {
      return words_of(*one) + " began after the end of " + words_of(*earliest) +
             ", which follows it";
    }
    if (lowest != nullptr && one->generation && *one->generation > *lowest->generation) {
      return words_of(*one) + " has a higher number than " + words_of(*lowest);
    }
    if (earliest == nullptr || one->end < earliest->end) earliest = &*one;
    if (one->generation) lowest = &*one;
  }
  return {};
}

}  // namespace perdure::test
