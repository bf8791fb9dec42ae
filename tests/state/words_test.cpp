// SPDX-License-Identifier: BSL-1.0
// The words of the tracker's errors: each sentence that a person acts on is asserted here alone.
// Other tests assert kind, fate and step.
#include <cerrno>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// The words of a failure; a success has none, and no row expects that.
template <class T>
std::string words_of(const Result<T>& result) {
  return result.has_value() ? "" : result.error().message();
}

/// The second update of a tracker whose file `meddle` changes after the first.
std::string after(const TempDirectory& at, const std::function<void()>& meddle) {
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  meddle();
  return words_of(tracker.update(increment));
}

std::string opened_twice(const TempDirectory& at) {
  const auto owner = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
  return words_of(
      CountTracker::open(at.file("s"), {.lock_timeout_ms = std::chrono::milliseconds(0)}));
}

std::string edited_by_hand(const TempDirectory& at) {
  return after(at, [&] {
    std::string text = at.get("s");
    text.replace(text.find("\"value\": 1"), 10, "\"value\": 7");
    at.put("s", text);
  });
}

std::string reloaded_after_edit(const TempDirectory& at) {
  (void)edited_by_hand(at);
  return words_of(CountTracker::open(at.file("s"), {.damage = DamagePolicy::refuse}));
}

std::string without_links(const TempDirectory& at) {
  testing::FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = testing::Operation::link, .error = EPERM, .from_then_on = true});
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  REQUIRE(tracker.update(increment));
  return words_of(tracker.update(increment));
}

std::string of_another_type(const TempDirectory& at) {
  at.put("s", "{\"value\": \"seven\"}");
  return words_of(CountTracker::open(at.file("s")));
}

std::string without_numbers(const TempDirectory& at) {
  at.put(".s.18446744073709551615.perdure-prev", "{}");
  auto tracker = CountTracker::open(at.file("s")).value();
  return words_of(tracker.update(increment));
}

std::string not_json(const TempDirectory& at) {
  auto tracker = StateTracker<std::map<std::string, double>>::open(at.file("s")).value();
  return words_of(tracker.update([](auto& map) { map["a"] = std::nan(""); }));
}

std::string too_large(const TempDirectory& at) {
  TrackerOptions options;
  options.file.size_max = 1000;
  auto tracker = CountTracker::open(at.file("s"), options).value();
  return words_of(
      tracker.update([](Count& count) { count.notes.emplace_back(std::string(1000, 'x')); }));
}

struct Row {
  const char* name;
  std::string (*provoke)(const TempDirectory&);
  std::vector<std::string> words;
};

}  // namespace

TEST_CASE("each error of a tracker names the file, and says what to do", "[P19]") {
  const std::vector<Row> rows{
      {"another has it", opened_twice, {"another program has this state open"}},
      {"edited by hand", edited_by_hand, {"state accept"}},
      {"reloaded after an edit", reloaded_after_edit, {"state accept"}},
      {"removed", [](const auto& at) { return after(at, [&] { at.remove("s"); }); }, {"removed"}},
      {"no hard links", without_links, {"previous_max"}},
      {"another type", of_another_type, {"value: expected an integer, found a string"}},
      {"no numbers left", without_numbers, {"used up"}},
      {"not a JSON value", not_json, {"a: JSON has no NaN"}},
      {"too large", too_large, {"1000 are the most"}},
  };
  for (const Row& row : rows) {
    const TempDirectory at(Medium::memory);
    const std::string said = row.provoke(at);
    INFO(row.name);
    CHECK_THAT(said, Contains(at.file("s")));
    for (const auto& words : row.words) CHECK_THAT(said, Contains(words));
  }
}
