// SPDX-License-Identifier: BSL-1.0
// A tracker whose state is damaged, lost, or can't be read.
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include <perdure/envelope.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;
using perdure::test::Contains;
using Names = std::vector<std::string>;
using testing::Operation;

namespace {

/// A JSON state of `size` bytes, committed as generation 2 after the value 1.
void make_state(Memory& memory, std::size_t size) {
  auto tracker = CountTracker::open(over(memory)).value();
  REQUIRE(tracker.update([](Count& count) { count.value = 1; }));
  for (std::size_t extra = 0;; ++extra) {
    Memory trial = memory;
    auto again = CountTracker::open(over(trial)).value();
    const std::size_t length = size > 300 ? size - 300 + extra : extra;
    REQUIRE(again.update([&](Count& count) {
      count.value = 2;
      count.notes = {std::string(length, 'x')};
    }));
    if (trial.current->size() < size) continue;
    memory = std::move(trial);
    return;
  }
}

/// Opens a copy of `memory` whose current bytes are `bytes`, and says whether all is as it must be:
/// the previous generation, the evidence kept, the reason told, and no number used again.
bool falls_back(const Memory& memory, Buffer bytes) {
  Memory copy;
  copy.previous = memory.previous;
  copy.current = bytes;
  auto opened = CountTracker::open(over(copy));
  if (!opened) return false;
  auto& tracker = opened.value();
  const OpenReport report = tracker.report();
  return report.origin == Origin::previous && tracker.state()->value == 1 &&
         tracker.state()->notes.empty() && report.generation == 1 && !report.reason.empty() &&
         !report.set_aside.empty() && copy.damaged.size() == 1 &&
         copy.damaged.front().second == bytes && copy.damaged.front().first >= 2 &&
         copy.previous == memory.previous;
}

constexpr std::size_t state_size = 4096;

void flip_bits(std::size_t part, std::size_t parts) {
  Memory memory;
  make_state(memory, state_size);
  const Buffer intact = *memory.current;
  REQUIRE(intact.size() == state_size);
  std::size_t bad = 0;
  for (std::size_t at = intact.size() * part / parts; at < intact.size() * (part + 1) / parts;
       ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Buffer bytes = intact;
      bytes[at] ^= static_cast<std::byte>(1U << bit);
      if (!falls_back(memory, std::move(bytes)) && bad++ == 0) {
        UNSCOPED_INFO("first at byte " << at << ", bit " << bit);
      }
    }
  }
  CHECK(bad == 0);
}

}  // namespace

TEST_CASE("a state that is cut short anywhere gives the previous generation", "[P14]") {
  Memory memory;
  make_state(memory, state_size);
  const Buffer intact = *memory.current;
  std::size_t bad = 0;
  for (std::size_t size = 0; size < intact.size(); ++size) {
    if (!falls_back(memory, Buffer(intact.begin(), intact.begin() + static_cast<long>(size))) &&
        bad++ == 0) {
      UNSCOPED_INFO("first at " << size << " bytes");
    }
  }
  CHECK(bad == 0);
}

TEST_CASE("any flipped bit is noticed: first quarter", "[P14]") {
  flip_bits(0, 4);
}
TEST_CASE("any flipped bit is noticed: second quarter", "[P14]") {
  flip_bits(1, 4);
}
TEST_CASE("any flipped bit is noticed: third quarter", "[P14]") {
  flip_bits(2, 4);
}
TEST_CASE("any flipped bit is noticed: last quarter", "[P14]") {
  flip_bits(3, 4);
}

TEST_CASE("without a previous generation damage gives the defaults, and says so", "[P14]") {
  const TempDirectory at(Medium::memory);
  at.put("s.json", "{\"value\": 7, \"gen");
  TrackerOptions options;
  auto tracker =
      CountTracker::open(at.file("s.json"), options, {}, {.value = 5, .notes = {}}).value();
  const OpenReport report = tracker.report();
  CHECK(report.origin == Origin::defaults);
  CHECK(tracker.state()->value == 5);
  CHECK_THAT(report.reason, Contains(report.set_aside));
  CHECK(at.names_with("damaged").size() == 1);
  CHECK(at.names() == at.names_with("damaged"));
  REQUIRE(tracker.update(increment));
  CHECK(tracker.state()->value == 6);
  const auto evidence = at.names_with("damaged");
  REQUIRE(evidence.size() == 1);
  CHECK(at.get(evidence.front()) == "{\"value\": 7, \"gen");
}

TEST_CASE("an empty file is damaged, a missing one is not there", "[P14]") {
  const TempDirectory at(Medium::memory);
  auto missing = CountTracker::open(at.file("a")).value();
  CHECK(missing.report().origin == Origin::defaults);
  CHECK(missing.report().set_aside.empty());
  CHECK(at.names().empty());
  at.put("b", "");
  auto empty = CountTracker::open(at.file("b")).value();
  CHECK(empty.report().origin == Origin::defaults);
  CHECK(at.names_with("b.damaged-").size() == 1);
}

TEST_CASE("a state that can't be read for another reason is an error, and nothing is touched",
          "[P14]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  const std::string before = at.get("s");
  for (const auto operation :
       {Operation::open_file, Operation::read_at, Operation::list, Operation::sync_file}) {
    for (const int error : {EACCES, EIO, ENOMEM}) {
      testing::FaultyFileSystem faulty(native_file_system());
      faulty.fail({.operation = operation, .error = error});
      const auto opened =
          CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}});
      INFO(to_string(operation) << " " << error);
      REQUIRE_FALSE(opened);
      CHECK(opened.error().cause.value() == error);
      CHECK(opened.error().kind == ErrorKind::system);
      CHECK_THAT(opened.error().path, Contains("/s"));
      CHECK(faulty.handles_open() == 0);
    }
  }
  CHECK(at.names() == Names{"s"});
  CHECK(at.get("s") == before);
}

TEST_CASE("a directory in its place is an error", "[P14]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(::mkdir((at.file("s")).c_str(), 0755) == 0);
  const auto opened = CountTracker::open(at.file("s"));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::not_regular);
  CHECK(at.names() == Names{"s"});
}

TEST_CASE("a state that is intact but no T is an error, never damage", "[P14]") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"value\": \"seven\"}");
  const auto opened = CountTracker::open(at.file("s"));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::serializer);
  CHECK(at.names() == Names{"s"});
}

// Found in review: a damaged state was moved away, and only then came the error of the disk that
// kept the previous generation from being read. The next open no longer knew of any damage.
TEST_CASE("when the previous generation can't be read either, nothing is moved", "[P14]") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    REQUIRE(tracker.update(increment));
    REQUIRE(tracker.update(increment));
  }
  at.put("s", "damage");
  testing::FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = Operation::open_file, .call = 2, .error = EIO});
  const auto opened =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}});
  REQUIRE_FALSE(opened);
  CHECK(at.get("s") == "damage");
  CHECK(CountTracker::open(at.file("s")).value().report().origin == Origin::previous);
}

// Found in review: a damaged previous generation took the place of an intact one, which was
// dropped.
TEST_CASE("what is damaged never counts as a previous generation", "[P14]") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = 2}).value();
    for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
  }
  at.put("s", "damage 3");
  at.put(".s.2.perdure-prev", "damage 2");
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    const OpenReport report = tracker.report();
    CHECK(report.origin == Origin::previous);
    CHECK(report.generation == 1);
    REQUIRE(tracker.update(increment));
  }
  CHECK(at.names_with("perdure-prev") == Names{".s.1.perdure-prev"});
  CHECK(at.names_with("damaged-").size() == 2);
  at.put("s", "again");
  CHECK(CountTracker::open(at.file("s")).value().report().generation == 1);
  CHECK(at.names_with("damaged-").size() == 3);
}

TEST_CASE("evidence is never overwritten, however often the state is damaged", "[P14]") {
  const TempDirectory at(Medium::memory);
  for (int i = 0; i < 20; ++i) {
    at.put("s", "damage " + std::to_string(i));
    REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  }
  Names contents;
  for (const auto& name : at.names_with("damaged-")) contents.push_back(at.get(name));
  std::sort(contents.begin(), contents.end());
  CHECK(std::unique(contents.begin(), contents.end()) == contents.end());
  CHECK(contents.size() == 20);
}

// Found in review: the new file of a lost state was made with the usual mode, readable by all.
TEST_CASE("the file that follows a damaged one is no more open than that one was", "[P6][P14]") {
  const TempDirectory at(Medium::memory);
  const auto mode = [&] {
    struct stat status {};
    REQUIRE(::stat((at.file("s")).c_str(), &status) == 0);
    return status.st_mode & 07777U;
  };
  const mode_t before = ::umask(022);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  CHECK(mode() == 0644);
  REQUIRE(::chmod((at.file("s")).c_str(), 0600) == 0);
  at.put("s", "damage");
  REQUIRE(CountTracker::open(at.file("s"), {.previous_max = 0}).value().update(increment));
  CHECK(mode() == 0600);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  at.remove("s");
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  CHECK(mode() == 0600);
  ::umask(before);
}

// The previous generation, which was readable by all, decided once the program had ended.
TEST_CASE("the newest file that is left decides who may read the next one", "[P6][P14]") {
  const TempDirectory at(Medium::memory);
  const mode_t before = ::umask(022);
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    for (int i = 0; i < 2; ++i) REQUIRE(tracker.update(increment));
  }
  REQUIRE(::chmod((at.file("s")).c_str(), 0600) == 0);
  at.put("s", "damage");
  CHECK(CountTracker::open(at.file("s")).value().report().origin == Origin::previous);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  struct stat status {};
  REQUIRE(::stat((at.file("s")).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
  ::umask(before);
}

TEST_CASE("a missing state with a previous generation there is that generation", "[P14]") {
  const TempDirectory at(Medium::memory);
  std::uint64_t last = 0;
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
    last = tracker.generation();
  }
  at.remove("s");
  for (int again = 0; again < 2; ++again) {  // as long as nothing is saved
    const OpenReport report = CountTracker::open(at.file("s")).value().report();
    CHECK(report.origin == Origin::previous);
    CHECK(report.generation == 2);
    CHECK(report.set_aside.empty());
  }
  auto tracker = CountTracker::open(at.file("s")).value();
  CHECK(tracker.state()->value == 2);
  REQUIRE(tracker.update(increment));
  CHECK(tracker.generation() > last);
}

TEST_CASE("after a crash between setting aside and saving the report still names the evidence",
          "[P14]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  at.put("s", "damage");
  const std::string evidence = CountTracker::open(at.file("s")).value().report().set_aside;
  const OpenReport report = CountTracker::open(at.file("s")).value().report();
  CHECK_THAT(report.reason, Contains(evidence));
}

TEST_CASE("DamagePolicy::refuse leaves a damaged state where it is", "[P14]") {
  const TempDirectory at(Medium::memory);
  at.put("s", "damage");
  const auto opened = CountTracker::open(at.file("s"), {.damage = DamagePolicy::refuse});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::corrupt);
  CHECK(at.names() == Names{"s"});
}

TEST_CASE("DamagePolicy::accept_edit takes an edit by hand, which does not become a previous one") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    REQUIRE(tracker.update(increment));
    REQUIRE(tracker.update(increment));
  }
  std::string text = at.get("s");
  text.replace(text.find("\"value\": 2"), 10, "\"value\": 9");
  at.put("s", text);
  {
    auto tracker = CountTracker::open(at.file("s"), {.damage = DamagePolicy::accept_edit}).value();
    CHECK(tracker.state()->value == 9);
    CHECK(tracker.report().origin == Origin::current);
    CHECK(at.get("s") == text);
    REQUIRE(tracker.update([](Count&) {}));
    CHECK(tracker.generation() > 2);
  }
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 9);
  CHECK(at.names() == Names{".s.1.perdure-prev", "s"});
  at.put("s", "{");
  CHECK_FALSE(CountTracker::open(at.file("s"), {.damage = DamagePolicy::accept_edit}));
}

TEST_CASE("a number that damaged bytes claim is not given again", "[P14]") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = 0}).value();
    for (int i = 0; i < 5; ++i) REQUIRE(tracker.update(increment));
    at.put("s", at.get("s").replace(0, 1, "("));  // no JSON, but the stamp at its end is there
  }
  std::string text = at.get("s");
  text.replace(text.find("\"generation\": 5"), 15, "\"generation\": 90000");
  at.put("s", text);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  CHECK(tracker.generation() > 90000);
}

TEST_CASE("a planted or flipped number does not use the numbers up", "[P14]") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"value\": 1, \"generation\": 18446744073709551615, ");
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    REQUIRE(tracker.update(increment));
    CHECK(tracker.generation() < 10'000);
  }
  at.put(".s.18446744073709551615.perdure-prev", "{}");
  auto tracker = CountTracker::open(at.file("s")).value();
  const auto saved = tracker.update(increment);
  REQUIRE_FALSE(saved);
  CHECK(saved.error().fate == Fate::unchanged);
}

TEST_CASE("an enveloped state that is damaged gives the previous one, too", "[P14]") {
  using Tracker = StateTracker<Buffer, Envelope<RawBytes>>;
  Memory memory;
  {
    auto tracker = Tracker::open(over(memory)).value();
    REQUIRE(tracker.update([](Buffer& bytes) { bytes.assign(1, std::byte{1}); }));
    REQUIRE(tracker.update([](Buffer& bytes) { bytes.assign(300, std::byte{2}); }));
  }
  const Buffer intact = *memory.current;
  std::size_t bad = 0;
  const auto check = [&](Buffer bytes) {
    Memory copy = memory;
    copy.current = bytes;
    auto opened = Tracker::open(over(copy));
    // A damaged version number may pass for that of a newer program: an error then, never data.
    const bool good = opened ? opened.value().report().origin == Origin::previous &&
                                   *opened.value().state() == Buffer(1, std::byte{1}) &&
                                   copy.damaged.size() == 1
                             : opened.error().kind == ErrorKind::too_new;
    if (!good) ++bad;
  };
  for (std::size_t at = 0; at < intact.size(); ++at) {
    check(Buffer(intact.begin(), intact.begin() + static_cast<long>(at)));
    for (unsigned bit = 0; bit < 8; ++bit) {
      Buffer bytes = intact;
      bytes[at] ^= static_cast<std::byte>(1U << bit);
      check(std::move(bytes));
    }
  }
  CHECK(bad == 0);
}
