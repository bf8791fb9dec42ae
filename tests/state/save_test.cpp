// SPDX-License-Identifier: BSL-1.0
// Edits: queued, coalesced, failed, thrown, waited for by whom; from several threads.
#include <atomic>
#include <cerrno>
#include <cmath>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>

#include <perdure/envelope.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "edits.hpp"
#include "memory_store.hpp"
#include "state/image_sink.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "watch.hpp"

using namespace perdure;
using namespace perdure::test;
using perdure::test::Contains;
using testing::Operation;

TEST_CASE("an update is on disk and in memory when it returns, as plain JSON", "[P13]") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s.json")).value();
  const auto before = tracker.state();
  REQUIRE(tracker.update([](Count& count) { count = {.value = 3, .notes = {"a"}}; }));
  CHECK(before->value == 0);
  CHECK(tracker.state()->value == 3);
  CHECK(tracker.generation() == 1);
  const std::string text = at.get("s.json");
  CHECK_THAT(text, Contains("\n  \"value\": 3,") && Contains("\"generation\": 1") &&
                       Contains("\"last_updated\": \"20") && Contains("\"checksum\": \"xxh3-128:"));
  const auto again = CountTracker::open(at.file("s.json")).value();
  CHECK(again.state()->notes == std::vector<std::string>{"a"});
  CHECK(again.report().origin == Origin::current);
  CHECK(again.report().reason.empty());
  CHECK(again.report().last_updated > StampTime{});
}

TEST_CASE("a failed commit fails exactly its edits, and later ones run without them", "[P13]") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  REQUIRE(tracker.update(note("before")));
  const auto one = tracker.save_later(note("one"));
  const auto two = tracker.save_later(note("two"));
  faulty.restart();
  faulty.fail({.operation = Operation::sync_file, .error = ENOSPC});
  const auto failed = one.wait();
  faulty.heal();
  const auto three = tracker.save_later(note("three"));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fate == Fate::unchanged);
  CHECK(failed.error().cause == std::errc::no_space_on_device);
  CHECK_FALSE(two.wait());
  CHECK(tracker.state()->notes == std::vector<std::string>{"before"});
  const auto tried = tracker.generation() + 1;
  REQUIRE(three.wait());
  CHECK(tracker.state()->notes == std::vector<std::string>{"before", "three"});
  CHECK(tracker.generation() > tried);  // a number that was tried is not given again
  CHECK(CountTracker::open(at.file("s")).value().state()->notes ==
        std::vector<std::string>{"before", "three"});
}

TEST_CASE("8 threads of 1,000 queued edits: few commits, each edit durable before it is told so",
          "[P13][P20]") {
  const TempDirectory at(Medium::memory);
  Watch watch(native_file_system());
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&watch, &native_environment()}}).value();
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      std::vector<SaveHandle<>> handles;
      handles.reserve(1000);
      for (int n = 0; n < 1000; ++n) handles.push_back(tracker.save_later(increment));
      for (const auto& handle : handles) {
        if (!handle.wait()) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(tracker.state()->value == 8000);
  CHECK(tracker.generation() <= 50);
  CHECK(watch.publishes() == tracker.generation());
  CHECK(watch.all_durable());
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 8000);
}

TEST_CASE("with one waiter after another, nobody is told before the sync of the directory",
          "[P13]") {
  const TempDirectory at(Medium::memory);
  Watch watch(native_file_system());
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&watch, &native_environment()}}).value();
  for (int i = 0; i < 20; ++i) {
    std::vector<SaveHandle<>> handles;
    for (int n = 0; n < 5; ++n) handles.push_back(tracker.save_later(increment));
    for (const auto& handle : handles) {
      REQUIRE(handle.wait());
      REQUIRE(watch.all_durable());
    }
  }
  CHECK(watch.publishes() == 20);
}

TEST_CASE("a failing commit among threads fails its own edits: what succeeded is what is there",
          "[P13]") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  for (std::uint64_t call = 2; call < 40; call += 3) {
    faulty.fail({.operation = Operation::sync_file, .call = call, .error = EIO});
  }
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  std::atomic<std::uint64_t> acknowledged = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        if (tracker.update(increment)) ++acknowledged;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(faulty.fired() > 0);
  CHECK(acknowledged < 200);
  CHECK(tracker.state()->value == acknowledged);
  CHECK(CountTracker::open(at.file("s")).value().state()->value == acknowledged);
}

TEST_CASE("a handle may outlive its tracker, and still saves") {
  const TempDirectory at(Medium::memory);
  std::optional<SaveHandle<>> handle;
  {
    auto tracker = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
    REQUIRE(tracker.update(increment));
    handle = tracker.save_later(increment);
  }
  {  // the lock went with the tracker, not with the handle
    TrackerOptions options;
    options.lock_timeout_ms = std::chrono::milliseconds(0);
    auto other = CountTracker::open(at.file("s"), options);
    REQUIRE(other);
    CHECK(other.value().state()->value == 1);
    REQUIRE(other.value().update(increment));
  }
  REQUIRE(handle->wait());
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 3);
}

TEST_CASE("a tracker can be moved, also over another one") {
  const TempDirectory at(Medium::memory);
  auto one = CountTracker::open(at.file("one"), {.committer_thread = true}).value();
  auto two = CountTracker::open(at.file("two"), {.lock = TrackerLock::exclusive}).value();
  const auto handle = one.save_later(increment);
  one = std::move(two);
  CHECK(handle.wait());
  REQUIRE(one.update(increment));
  CHECK(CountTracker::open(at.file("one")).value().state()->value == 1);
  auto three = std::move(one);
  REQUIRE(three.update(increment));
  CHECK(three.state()->value == 2);
}

// Found in review: an edit that waited for its own tracker waited forever.
TEST_CASE("an edit that waits for its own tracker is told that it can't") {
  Memory memory;
  for (const bool committer : {false, true}) {
    auto tracker = CountTracker::open(over(memory), {.committer_thread = committer}).value();
    std::vector<Result<void>> inner;
    REQUIRE(tracker.update([&](Count&) {
      inner.clear();
      inner.push_back(tracker.update(increment));
      inner.push_back(tracker.flush());
      inner.push_back(tracker.reload());
      inner.push_back(tracker.restore(1));
      CHECK(tracker.state() != nullptr);
    }));
    CHECK(inner.size() == 4);
    for (const auto& one : inner) {
      REQUIRE_FALSE(one);
      CHECK(one.error().kind == ErrorKind::invalid_argument);
    }
    // Found when handles learned to call back: it was refused, and saved with the next one.
    REQUIRE(tracker.flush());
    CHECK(tracker.state()->value == 0);
  }
}

namespace {

struct Brittle {
  int value = 0;
  bool break_copy = false;
  Brittle() = default;
  Brittle(Brittle&&) = default;
  Brittle& operator=(Brittle&&) = default;
  Brittle& operator=(const Brittle&) = default;
  ~Brittle() = default;
  Brittle(const Brittle& other) : value(other.value) {
    if (other.break_copy) throw std::runtime_error("no copy");
  }
};

struct BrittleSerializer {
  bool* throws = nullptr;
  Result<void> serialize(const Brittle& brittle, Sink& sink) const {
    if (*throws) throw std::runtime_error("no bytes");
    if (brittle.value < 0) return refused();
    return sink.write(Buffer(static_cast<std::size_t>(brittle.value)));
  }
  Result<Brittle> deserialize(Bytes bytes) const {
    if (*throws) throw std::runtime_error("no value");
    Brittle brittle;
    brittle.value = static_cast<int>(bytes.size());
    return brittle;
  }
};

}  // namespace

// Found in review: an exception of a copy or of a serializer left the tracker locked for good, and
// ended the program when it came on the committer's thread.
TEST_CASE("a serializer or a copy that fails or throws fails the save, and nothing else", "[P13]") {
  Memory memory;
  bool throws = false;
  using Tracker = StateTracker<Brittle, Envelope<BrittleSerializer>>;
  for (const bool committer : {false, true}) {
    auto tracker =
        Tracker::open(over(memory), {.committer_thread = committer}, {{&throws}}).value();
    REQUIRE(tracker.update([](Brittle& brittle) { brittle.value = 5; }));
    const auto negative = tracker.update([](Brittle& brittle) { brittle.value = -1; });
    REQUIRE_FALSE(negative);
    CHECK(negative.error().detail == "not this one");
    throws = true;
    const auto thrown = tracker.update([](Brittle& brittle) { brittle.value = 6; });
    CHECK(nature_of(thrown) == "serializer, unchanged, write the state");
    CHECK(thrown.error().path == "memory");
    CHECK_THAT(thrown.error().detail, Contains("no bytes"));  // its own words
    CHECK_FALSE(Tracker::open(over(memory), {}, {{&throws}}));
    throws = false;
    REQUIRE(tracker.update([](Brittle& brittle) { brittle.break_copy = true; }));
    const auto uncopied = tracker.update([](Brittle& brittle) { brittle.value = 7; });
    CHECK(nature_of(uncopied) == "serializer, unchanged, copy the state");
    CHECK_THAT(uncopied.error().detail, Contains("no copy"));
    REQUIRE(tracker.restore(tracker.history().value().previous.front()));
    REQUIRE(tracker.update([](Brittle& brittle) { brittle.value = 8; }));
    CHECK(tracker.state()->value == 8);
  }
}

TEST_CASE(
    "a value that can't be written fails the edits of its commit, and the disk is untouched") {
  const TempDirectory at(Medium::memory);
  using Tracker = StateTracker<std::map<std::string, double>>;
  auto tracker = Tracker::open(at.file("s")).value();
  REQUIRE(tracker.update([](auto& map) { map["a"] = 1; }));
  const std::string before = at.get("s");
  const auto failed = tracker.update([](auto& map) { map["a"] = std::nan(""); });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::serializer);
  CHECK(failed.error().fate == Fate::unchanged);
  CHECK(failed.error().fate == Fate::unchanged);
  CHECK(at.get("s") == before);
  CHECK_FALSE(tracker.update([](auto& map) { map["checksum"] = 1; }));
  REQUIRE(tracker.update([](auto& map) { map["b"] = 2; }));
}

TEST_CASE("a state that would be too large to be read again is not written") {
  const TempDirectory at(Medium::memory);
  TrackerOptions options;
  options.file.size_max = 1000;
  auto tracker = CountTracker::open(at.file("s"), options).value();
  REQUIRE(tracker.update(note("small")));
  const auto failed = tracker.update(note(std::string(1000, 'x')));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fate == Fate::unchanged);
  CHECK(CountTracker::open(at.file("s"), options).value().state()->notes.size() == 1);
}

TEST_CASE("limits of a store are asked before anything is done") {
  Memory memory;
  memory.size_max = 1000;
  auto tracker = CountTracker::open(over(memory)).value();
  REQUIRE_OK(tracker.update(increment));
  const auto large =
      tracker.update([](Count& count) { count.notes.emplace_back(std::string(2000, 'x')); });
  REQUIRE_FAILS(invalid_argument, unchanged, large);
  CHECK_THAT(large.error().message(), Contains("1000 are the most"));
  CHECK(memory.commits == 1);
  CHECK(tracker.state()->notes.empty());
}

TEST_CASE("after a save of unknown fate memory stays, and saves wait for a reload", "[P13]") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  REQUIRE(tracker.update(increment));
  faulty.restart();
  faulty.fail({.operation = Operation::sync_directory, .call = 1, .error = EIO});
  const auto unsure = tracker.update(increment);
  REQUIRE_FALSE(unsure);
  CHECK(unsure.error().fate == Fate::visible);
  CHECK(tracker.state()->value == 1);
  CHECK(tracker.generation() == 1);
  for (const Result<void>& refusal :
       {Result<void>(tracker.update(increment)), tracker.restore(1)}) {
    REQUIRE_FALSE(refusal);
    CHECK(refusal.error().kind == ErrorKind::recovery_required);
    CHECK(refusal.error().fate == Fate::unchanged);
  }
  // Found in review: a reload whose own commit failed had already let memory run ahead.
  faulty.restart();
  faulty.heal();
  faulty.fail({.operation = Operation::create, .call = 1, .error = ENOSPC});
  REQUIRE_FALSE(tracker.reload());
  CHECK(tracker.state()->value == 1);
  CHECK_FALSE(tracker.update(increment));

  faulty.heal();
  Watch watch(native_file_system());
  REQUIRE(tracker.reload());
  CHECK(tracker.state()->value == 2);
  CHECK(tracker.generation() > 2);  // what was found was committed anew, under its own number
  REQUIRE(tracker.update(increment));
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 3);
}

TEST_CASE("flush waits for what is being committed by others, too", "[P13]") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  std::atomic<int> stage = 0;
  bool updated = false;  // the framework's checks are for one thread at a time
  bool flushed = false;
  std::thread other([&] {
    updated = tracker
                  .update([&](Count& count) {
                    ++count.value;
                    stage = 1;
                    while (stage != 2) std::this_thread::yield();
                  })
                  .has_value();
  });
  while (stage != 1) std::this_thread::yield();
  std::thread flusher(
      [&] { flushed = tracker.flush().has_value() && tracker.state()->value == 1; });
  stage = 2;
  flusher.join();
  other.join();
  CHECK(updated);
  CHECK(flushed);
}

TEST_CASE("an image is collected without more than twice its size", "[P20][budget]") {
  ImageSink sink;
  Buffer expected;
  const Buffer piece(100'000, std::byte{7});
  for (int i = 0; i < 40; ++i) {
    REQUIRE(sink.write(piece));
    expected.insert(expected.end(), piece.begin(), piece.end());
  }
  const Buffer image = sink.take();
  CHECK(image == expected);
  CHECK(image.capacity() <= expected.size());
  CHECK(sink.take().empty());
}

TEST_CASE("an image of about the expected size is collected where it stays") {
  const Buffer piece(100'000, std::byte{7});
  ImageSink sink(3'900'000);
  REQUIRE(sink.write(piece));
  for (int i = 1; i < 40; ++i) REQUIRE(sink.write(piece));
  Buffer image = sink.take();
  CHECK(image.size() == 4'000'000);
  CHECK(image.capacity() < 2 * image.size());

  ImageSink grown(1'100'000);  // a state that grew far more than that
  Buffer expected;
  for (unsigned char i = 0; i < 40; ++i) {
    const Buffer other(100'000, std::byte{i});
    REQUIRE(grown.write(other));
    expected.insert(expected.end(), other.begin(), other.end());
  }
  CHECK(grown.take() == expected);
}
