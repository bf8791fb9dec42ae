// SPDX-License-Identifier: BSL-1.0
// The words of the tracker's errors and reports: each that a person acts on is asserted here alone.
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
#include "older_copy.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

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

std::string with_mark(const TempDirectory& at) {
  at.put("s", "\xef\xbb\xbf{\"value\": 7}");
  return words_of(CountTracker::open(at.file("s")));
}

std::string in_utf16(const TempDirectory& at) {
  at.put("s", std::string("\xff\xfe{\0}\0", 6));
  return words_of(CountTracker::open(at.file("s")));
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

/// A save on top of an older copy: a history that does not hold the tracker's own.
std::string saved_by_another(const TempDirectory& at) {
  auto tracker = tracker_over_older_copy(at);
  auto other = CountTracker::open(at.file("s")).value();
  REQUIRE(other.update(increment));
  return words_of(tracker.update(increment));
}

std::string damaged_generation(const TempDirectory& at) {
  auto tracker = CountTracker::open(at.file("s"), {.previous_max = 3}).value();
  for (int i = 0; i < 4; ++i) REQUIRE(tracker.update(increment));
  at.put(".s.3.perdure-prev", "damage");
  return words_of(tracker.restore(3));
}

std::string migration_that_lacks(const TempDirectory& at) {
  at.put("s", "{\"value\": 20, \"schema_version\": 1}");
  Migrations<Json<Count>> migrations(3);
  migrations.from(1, [](boost::json::object&) -> Result<void> { return success(); });
  return words_of(CountTracker::open(at.file("s"), {}, {}, {}, migrations));
}

/// Opens a tracker on these files, and takes the reason that it reports.
std::string reported(const TempDirectory& at, DamagePolicy damage = DamagePolicy::set_aside) {
  return CountTracker::open(at.file("s"), {.damage = damage}).value().report().reason;
}

std::string report_of_nothing(const TempDirectory& at) {
  return reported(at);
}

std::string report_of_loss(const TempDirectory& at) {
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  at.remove("s");
  return reported(at);
}

std::string report_of_garbage(const TempDirectory& at) {
  at.put("s", "{\"value\": 7, \"gen");
  return reported(at);
}

std::string report_of_emptiness(const TempDirectory& at) {
  at.put("s", "");
  return reported(at);
}

std::string report_of_two_damaged(const TempDirectory& at) {
  {
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = 2}).value();
    for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
  }
  at.put("s", "damage 3");
  at.put(".s.2.perdure-prev", "damage 2");
  return reported(at);
}

std::string report_of_older_copy(const TempDirectory& at) {
  auto tracker = CountTracker::open(at.file("s")).value();
  for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
  const std::string old = at.get("s");
  for (int i = 0; i < 2; ++i) REQUIRE(tracker.update(increment));
  at.put("s", old);
  return reported(at);
}

std::string report_of_edit(const TempDirectory& at) {
  (void)edited_by_hand(at);
  return reported(at, DamagePolicy::accept_edit);
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
      {"a byte order mark", with_mark, {"begins with a byte order mark (UTF-8)", "without one"}},
      {"UTF-16", in_utf16, {"byte order mark (UTF-16)"}},
      {"edited by hand", edited_by_hand, {"state accept"}},
      {"reloaded after an edit", reloaded_after_edit, {"state accept"}},
      {"removed",
       [](const auto& at) { return after(at, [&] { at.remove("s"); }); },
       {"removed", "rewrite()"}},
      {"no hard links", without_links, {"previous_max"}},
      {"another type", of_another_type, {"value: expected an integer, found a string"}},
      {"no numbers left", without_numbers, {"used up"}},
      {"not a JSON value", not_json, {"a: JSON has no NaN"}},
      {"too large", too_large, {"1000 are the most"}},
      {"saved by another", saved_by_another, {"reload"}},
      {"a damaged generation", damaged_generation, {"generation 3"}},
      {"a migration that lacks a step", migration_that_lacks, {"schema version 2"}},
  };
  for (const Row& row : rows) {
    const TempDirectory at(Medium::memory);
    const std::string said = row.provoke(at);
    INFO(row.name);
    CHECK(said.starts_with("'" + at.file("s") + "': "));
    for (const auto& words : row.words) CHECK_THAT(said, Contains(words));
  }
}

// An editor had put the mark there. The file was called damaged at "line 1, column 1", and moved
// away, so that the program began with the defaults.
TEST_CASE("a state with a byte order mark stays where it is", "[P14]") {
  const TempDirectory at(Medium::memory);
  for (const auto provoke : {with_mark, in_utf16}) {
    (void)provoke(at);
    const std::string before = at.get("s");
    const auto refused = CountTracker::open(at.file("s"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::serializer);
    CHECK(at.get("s") == before);
  }
}

TEST_CASE("each report of a tracker that is opened says what it found", "[P14]") {
  const std::vector<Row> rows{
      {"nothing", report_of_nothing, {"the current state is missing"}},
      {"a loss", report_of_loss, {"the current state is missing"}},
      {"garbage", report_of_garbage, {"not valid JSON"}},
      {"an empty file", report_of_emptiness, {"it is empty"}},
      {"two that are damaged", report_of_two_damaged, {"previous generation 2 is damaged too"}},
      {"an older copy", report_of_older_copy, {"an older copy was put in", "generation 4"}},
      {"an edit", report_of_edit, {"checksum"}},
  };
  for (const Row& row : rows) {
    const TempDirectory at(Medium::memory);
    INFO(row.name);
    const std::string said = row.provoke(at);
    for (const auto& words : row.words) CHECK_THAT(said, Contains(words));
  }
}
