// SPDX-License-Identifier: BSL-1.0
// The model of the log, searched as far as a test may take: `log_model` goes further.
#include <algorithm>
#include <string>

#include "model/search.hpp"
#include "proof/transaction_mutants.hpp"
#include "support/catch.hpp"

namespace perdure::test {
namespace {

using model::Bound;
using model::Kind;
using model::Publish;

void check(const model::Model& model, const Bound& bound) {
  const model::Searched searched = search(model, bound);
  INFO((model.kind == Kind::ordered ? "ordered" : "unordered"));
  INFO("RootOptions::publish: " << static_cast<int>(model.publish));
  if (searched.found) FAIL(to_string(searched.found->story) + "=> " + searched.found->words);
  CHECK(searched.complete);
}

/// At once in both kinds of file systems, and left for the settling.
void check(const Bound& bound, std::size_t records = 2) {
  check({.kind = Kind::ordered, .records = records}, bound);
  check({.kind = Kind::unordered, .records = records}, bound);
  check({.kind = Kind::unordered, .publish = Publish::later, .records = records}, bound);
}

bool is_found(const model::Mutant& mutant, Kind kind) {
  const auto publish = mutant.later ? Publish::later : Publish::at_once;
  const model::Model model{
      .kind = kind, .publish = publish, .without = mutant.part, .direct = mutant.direct};
  const auto searched = search(model, mutant.bound);
  if (!searched.found) CHECK(searched.complete);
  return searched.found.has_value();
}

}  // namespace

TEST_CASE("no crash of four commits breaks a promise of the log's model", "[P2][P3][P11][P12]") {
  check({.budget = {.commits = 4, .crashes = 1, .settles = 1}, .groups = true});
  check({.budget = {.commits = 3, .crashes = 1}, .groups = true, .keep_stale = true}, 1);
}

TEST_CASE("no three crashes, in recovery too, break a promise of the log's model", "[P2][P3]") {
  check({.budget = {.commits = 2, .crashes = 3}});
}

TEST_CASE("no failed flush and crash break a promise of the log's model", "[P2][P3]") {
  check({.budget = {.commits = 2, .crashes = 2, .failures = 1}});
  check({.budget = {.commits = 2, .crashes = 1, .failures = 1, .settles = 1}, .groups = true});
}

TEST_CASE("no other program and crash break a promise of the log's model", "[P2][P3]") {
  check({.budget = {.commits = 2, .crashes = 1, .foreign = 1, .settles = 1}, .races = true});
  check({.budget = {.commits = 1, .crashes = 3, .foreign = 1}});
}

TEST_CASE("no commit by another protocol breaks a promise of the log's model", "[P2][P3]") {
  check({.budget = {.commits = 2, .crashes = 1, .failures = 1, .journals = 1}});
}

TEST_CASE("no crash breaks a promise of a model whose files get their names in no order", "[P2]") {
  check({.kind = Kind::ordered, .publish = Publish::unordered},
        {.budget = {.commits = 2, .crashes = 2, .settles = 1}});
}

TEST_CASE("no crash breaks a promise of a model whose records go past the cache", "[P2][P3]") {
  check({.kind = Kind::ordered, .direct = true},
        {.budget = {.commits = 3, .crashes = 2, .failures = 1, .settles = 1}});
  check({.kind = Kind::unordered, .publish = Publish::later, .direct = true},
        {.budget = {.commits = 3, .crashes = 1, .failures = 1, .settles = 1}, .groups = true});
}

TEST_CASE("the model of the log needs each of its parts") {
  for (const model::Mutant& mutant : model::all_mutants()) {
    INFO(std::string(mutant.name) << ", without: " << std::string(mutant.without));
    const bool needed = mutant.equivalent.empty();
    if (mutant.ordered) CHECK(is_found(mutant, Kind::ordered) == needed);
    if (mutant.unordered) CHECK(is_found(mutant, Kind::unordered) == needed);
  }
}

TEST_CASE("each mutant of the log in the proof is one of its model") {
  const auto known = model::all_mutants();
  for (const Mutant& mutant : log_mutants()) {
    CAPTURE(mutant.name);
    CHECK(std::ranges::find(known, mutant.name, &model::Mutant::name) != known.end());
  }
}

}  // namespace perdure::test
