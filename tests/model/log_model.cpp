// SPDX-License-Identifier: BSL-1.0
// Searches the model of the log for as long as one likes.
//
//     log_model search [OPTION=NUMBER]...     all states of a bound
//     log_model mutants [OPTION=NUMBER]...    each part taken out, with its counterexample
//
// Options: commits, crashes, failures, foreign, journals, settles, records, groups, races, stale,
// seconds; unordered=0 or 1 for one kind of file system alone; publish=1 (unordered) or 2 (later);
// without=NAME takes a part out.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "model/search.hpp"

namespace perdure::model {
namespace {

struct Wish {
  std::string command;
  std::map<std::string, std::string, std::less<>> options;

  [[nodiscard]] int number(std::string_view name, int otherwise) const {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::stoi(found->second);
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
  }
};

Bound bound_of(const Wish& wish) {
  const auto small = [&](std::string_view name, int otherwise) {
    return static_cast<std::uint8_t>(wish.number(name, otherwise));
  };
  return {.budget = {.commits = small("commits", 4),
                     .crashes = small("crashes", 1),
                     .failures = small("failures", 0),
                     .foreign = small("foreign", 0),
                     .journals = small("journals", 0),
                     .settles = small("settles", 0)},
          .groups = wish.number("groups", 0) != 0,
          .races = wish.number("races", 0) != 0,
          .keep_stale = wish.number("stale", 0) != 0,
          .seconds_max = static_cast<double>(wish.number("seconds", 0))};
}

Part part_named(const std::string& name) {
  for (const Mutant& mutant : all_mutants()) {
    if (mutant.name == name) return mutant.part;
  }
  std::fprintf(stderr, "log_model: no part has the name '%s'; `log_model mutants` lists them\n",
               name.c_str());
  std::exit(2);
}

bool print(const Model& model, const Searched& searched) {
  constexpr std::array publish{"at once", "unordered", "later"};
  std::printf(
      "%s, %s, %zu records a segment: %llu states, %llu before a crash, %llu power cuts, "
      "%llu calls, %.1f s%s\n",
      model.kind == Kind::ordered ? "ordered" : "unordered",
      publish.at(static_cast<std::size_t>(model.publish)), model.records,
      static_cast<unsigned long long>(searched.states),
      static_cast<unsigned long long>(searched.crashes),
      static_cast<unsigned long long>(searched.power_cuts),
      static_cast<unsigned long long>(searched.calls), searched.seconds,
      searched.complete ? "" : ": not all of them");
  if (!searched.found) return true;
  std::printf("%s", to_string(searched.found->story).c_str());
  std::printf("=> %s\n", searched.found->words.c_str());
  return false;
}

bool search_all(const Wish& wish, Part without, const Bound& bound, bool later = false,
                bool direct = false) {
  bool held = true;
  for (const Kind kind : {Kind::ordered, Kind::unordered}) {
    if (wish.number("unordered", static_cast<int>(kind)) != static_cast<int>(kind)) continue;
    const Model model{.kind = kind,
                      .publish = static_cast<Publish>(wish.number("publish", later ? 2 : 0)),
                      .without = without,
                      .records = static_cast<std::size_t>(wish.number("records", 2)),
                      .direct = wish.number("direct", direct ? 1 : 0) != 0};
    held = print(model, search(model, bound)) && held;
    std::fflush(stdout);
  }
  return held;
}

/// Each with its own bound.
int run_mutants(const Wish& wish) {
  for (const Mutant& mutant : all_mutants()) {
    const std::string name(mutant.name);
    if (!wish.text("without").empty() && wish.text("without") != name) continue;
    std::printf("--- %s; without: %s\n", name.c_str(), std::string(mutant.without).c_str());
    const bool held = search_all(wish, mutant.part, mutant.bound, mutant.later, mutant.direct);
    if (!mutant.equivalent.empty()) {
      std::printf("nothing is expected: %s\n", std::string(mutant.equivalent).c_str());
    }
    if (held != !mutant.equivalent.empty()) return 1;
  }
  return 0;
}

int run(const Wish& wish) {
  if (wish.command == "mutants") return run_mutants(wish);
  const std::string without = wish.text("without");
  const Part part = without.empty() ? Part::none : part_named(without);
  return search_all(wish, part, bound_of(wish)) ? 0 : 1;
}

}  // namespace
}  // namespace perdure::model

int main(int count, char** words) try {
  perdure::model::Wish wish;
  if (count > 1) wish.command = words[1];
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    const auto equals = word.find('=');
    wish.options[word.substr(0, equals)] =
        equals == std::string::npos ? "1" : word.substr(equals + 1);
  }
  if (wish.command != "search" && wish.command != "mutants") {
    std::fprintf(stderr, "log_model: search or mutants, then options as NAME=NUMBER\n");
    return 2;
  }
  return perdure::model::run(wish);
} catch (const std::exception& error) {
  std::fprintf(stderr, "log_model: %s\n", error.what());
  return 2;
}
