// SPDX-License-Identifier: BSL-1.0
// Fail at call n, raise n until it succeeds: open, update, save_later, reload, restore; with every
// error that the call can return, once and from then on, before and after the call's effect.
#include <cerrno>
#include <functional>
#include <optional>

#include <perdure/clean.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// One failing call: which, how, and what it is told.
struct Trial {
  std::uint64_t call;
  int error;
  bool from_then_on;
  bool after_effect;
};

/// The facts that a scenario knows after it met a fault.
struct Knowledge {
  std::vector<std::uint64_t> possible;  ///< Values that may be on disk now.
  std::uint64_t generation_min = 0;     ///< The last one that was acknowledged.
};

using Scenario = std::function<Knowledge(const TempDirectory&, FaultyFileSystem&)>;

TrackerOptions on(FaultyFileSystem& faulty) {
  return {.lock_timeout_ms = std::chrono::milliseconds(0),
          .previous_max = 2,
          .system = {&faulty, &native_environment()}};
}

/// Three generations: values 1, 2, 3.
void prepare(const TempDirectory& at) {
  auto tracker = CountTracker::open(at.file("s"), {.previous_max = 2}).value();
  for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
}

/// After the fault is gone the state must open, be one of the possible ones, and save.
bool recovers(const TempDirectory& at, const Knowledge& known) {
  auto opened = CountTracker::open(
      at.file("s"), {.lock_timeout_ms = std::chrono::milliseconds(0), .previous_max = 2});
  if (!opened) return false;
  auto& tracker = opened.value();
  const auto value = tracker.state()->value;
  const bool known_value =
      std::find(known.possible.begin(), known.possible.end(), value) != known.possible.end();
  const bool forward = tracker.generation() >= known.generation_min;
  if (!known_value || !forward || !tracker.update(increment)) return false;
  return tracker.generation() > known.generation_min && tracker.state()->value == value + 1 &&
         at.names_with("perdure-tmp").empty();
}

std::string name_of(const Trial& trial, const FaultyFileSystem& faulty) {
  std::string operation = "?";
  for (const auto& call : faulty.log()) {
    if (call.injected) {
      operation = std::string(to_string(call.operation)) + " " + call.name;
      break;
    }
  }
  return operation + ", call " + std::to_string(trial.call) + ", " +
         std::string(testing::errno_name(trial.error)) +
         (trial.from_then_on ? ", from then on" : "") +
         (trial.after_effect ? ", after its effect" : "");
}

/// The errors that the n-th call of the scenario can return; empty when it has fewer calls.
std::vector<int> errors_at(const Scenario& scenario, std::uint64_t call) {
  const TempDirectory at(Medium::memory);
  prepare(at);
  FaultyFileSystem faulty(native_file_system());
  (void)scenario(at, faulty);
  const auto log = faulty.log();
  if (call > log.size()) return {};
  const auto errors = testing::errors_of(log[static_cast<std::size_t>(call - 1)].operation);
  return {errors.begin(), errors.end()};
}

void try_all(const Scenario& scenario) {
  unsigned trials = 0;
  for (std::uint64_t call = 1;; ++call) {
    const auto errors = errors_at(scenario, call);
    if (errors.empty()) break;
    for (const int error : errors) {
      for (const auto& [from_then_on, after_effect] :
           {std::pair(false, false), std::pair(true, false), std::pair(false, true)}) {
        const Trial trial{call, error, from_then_on, after_effect};
        const TempDirectory at(Medium::memory);
        prepare(at);
        FaultyFileSystem faulty(native_file_system());
        faulty.fail({.call = call,
                     .error = error,
                     .from_then_on = from_then_on,
                     .after_effect = after_effect});
        const Knowledge known = scenario(at, faulty);
        ++trials;
        faulty.heal();
        INFO(name_of(trial, faulty));
        CHECK(faulty.handles_open() == 0);
        // A temp that could not be removed, or that nobody was told of, is left for `clean`.
        if (from_then_on || after_effect) REQUIRE(clean(at.path().native()));
        CHECK(recovers(at, known));
      }
    }
  }
  CHECK(trials > 100);
}

/// The states that are possible after a save answered `done`, when `before` was durable.
Knowledge after_save(const Result<void>& done, std::uint64_t before, std::uint64_t after,
                     std::uint64_t generation) {
  if (done) return {{after}, generation};
  if (done.error().fate == Fate::unchanged) return {{before}, 3};
  return {{before, after}, 3};
}

}  // namespace

TEST_CASE("open under faults: the state or an error, and the next open has it", "[P13][P19]") {
  try_all([](const TempDirectory& at, FaultyFileSystem& faulty) -> Knowledge {
    const auto opened = CountTracker::open(at.file("s"), on(faulty));
    if (opened) {
      CHECK(opened.value().state()->value == 3);
      CHECK(opened.value().report().origin == Origin::current);
    }
    return {{3}, 3};
  });
}

TEST_CASE("open of a damaged state under faults: the evidence is kept, whatever fails",
          "[P13][P14][P19]") {
  try_all([](const TempDirectory& at, FaultyFileSystem& faulty) -> Knowledge {
    at.put("s", "damage");
    const auto opened = CountTracker::open(at.file("s"), on(faulty));
    if (opened) CHECK(opened.value().state()->value == 2);
    std::size_t evidence = at.get("s") == "damage" ? 1 : 0;
    for (const auto& name : at.names_with("damaged-")) evidence += at.get(name) == "damage" ? 1 : 0;
    CHECK(evidence == 1);
    return {{2}, 2};
  });
}

TEST_CASE("update under faults: done and there, or not done and told what is there", "[P13][P19]") {
  try_all([](const TempDirectory& at, FaultyFileSystem& faulty) -> Knowledge {
    auto opened = CountTracker::open(at.file("s"), on(faulty));
    if (!opened) return {{3}, 3};
    auto& tracker = opened.value();
    const auto done = tracker.update(increment);
    CHECK(tracker.state()->value == (done ? 4 : 3));
    if (!done && done.error().fate == Fate::unchanged) {
      CHECK_THAT(at.get("s"), perdure::test::Contains("\"value\": 3"));
    }
    return after_save(done, 3, 4, tracker.generation());
  });
}

TEST_CASE("a second save after a fault works or refuses, and a reload finds out", "[P13][P19]") {
  try_all([](const TempDirectory& at, FaultyFileSystem& faulty) -> Knowledge {
    auto opened = CountTracker::open(at.file("s"), on(faulty));
    if (!opened) return {{3}, 3};
    auto& tracker = opened.value();
    const auto handle = tracker.save_later(increment);
    const auto first = handle.wait();
    const auto second = tracker.update([](Count& count) { count.value += 10; });
    if (second) {
      CHECK(tracker.state()->value == (first ? 14 : 13));
      return {{tracker.state()->value}, tracker.generation()};
    }
    const auto reloaded = tracker.reload();
    if (reloaded) {
      const auto value = tracker.state()->value;
      CHECK((value == 3 || value == 4 || value == 13 || value == 14));
      return {{value}, tracker.generation()};
    }
    return {{3, 4, 13, 14}, 3};
  });
}

TEST_CASE("restore under faults: old or restored", "[P13][P19]") {
  try_all([](const TempDirectory& at, FaultyFileSystem& faulty) -> Knowledge {
    auto opened = CountTracker::open(at.file("s"), on(faulty));
    if (!opened) return {{3}, 3};
    auto& tracker = opened.value();
    const auto done = tracker.restore(1);
    CHECK(tracker.state()->value == (done ? 1 : 3));
    return after_save(done, 3, 1, tracker.generation());
  });
}
