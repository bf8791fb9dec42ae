// SPDX-License-Identifier: BSL-1.0
// Waiting for a change that others make: looks are counted, time is the test's, and a watch is a
// double that says what it is told.
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include <perdure/forwarding_store.hpp>
#include <perdure/state_reader.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Heard = StateStore::Watch::Heard;

/// The world of a test: a state that several trackers have, and time.
struct World {
  Memory memory;
  testing::ManualEnvironment time;
  unsigned looks = 0;
  unsigned watches = 0;
  std::deque<std::function<Heard()>> heard{};  ///< By the watches, in turn; then nothing at all.
  bool has_watch = false;

  [[nodiscard]] TrackerOptions options() {
    TrackerOptions options;
    options.system.environment = &time;
    return options;
  }
  [[nodiscard]] CountTracker other() { return CountTracker::open(over(memory), options()).value(); }
};

class Script final : public StateStore::Watch {
 public:
  explicit Script(World& world) : world_(world) {}
  Heard wait(const LockWait& wait) override {
    if (world_.heard.empty()) {
      world_.time.advance(wait.timeout_ms);
      return Heard::nothing;
    }
    const auto next = std::move(world_.heard.front());
    world_.heard.pop_front();
    return next();
  }

 private:
  World& world_;
};

class Counting final : public ForwardingStore {
 public:
  explicit Counting(World& world) : ForwardingStore(over(world.memory)), world_(world) {}
  Result<Revision> revision() override {
    ++world_.looks;
    return base().revision();
  }
  std::unique_ptr<Watch> watch() override {
    ++world_.watches;
    return world_.has_watch ? std::make_unique<Script>(world_) : nullptr;
  }

 private:
  World& world_;
};

CountTracker open_counting(World& world) {
  auto tracker = CountTracker::open(std::make_unique<Counting>(world), world.options()).value();
  REQUIRE_OK(tracker.update(increment));
  world.looks = 0;
  return tracker;
}

}  // namespace

TEST_CASE("who waits for a change without a watch looks every 100 ms, until the time is up") {
  World world;
  auto tracker = open_counting(world);
  const auto began = world.time.monotonic();
  const auto waited = tracker.wait_changed({seconds(10), {}});
  REQUIRE_OK(waited);
  CHECK_FALSE(waited.value());
  CHECK(world.time.monotonic() - began == seconds(10));
  CHECK(world.looks > 100);
  CHECK(world.looks < 115);
}

TEST_CASE("a change that was made before the wait ends it at the first look") {
  World world;
  world.has_watch = GENERATE(false, true);
  auto tracker = open_counting(world);
  auto other = world.other();
  REQUIRE_OK(other.update(increment));
  const auto waited = tracker.wait_changed({milliseconds(0), {}});
  REQUIRE_OK(waited);
  CHECK(waited.value());
  CHECK(world.looks == 1);
  CHECK(world.watches == 0);
  REQUIRE_OK(tracker.reload());
  CHECK(tracker.state()->value == 2);
  CHECK_FALSE(tracker.wait_changed({milliseconds(0), {}}).value());
}

TEST_CASE("a watch spares looks, and one that is deaf costs five seconds") {
  World world;
  world.has_watch = true;
  auto tracker = open_counting(world);
  CHECK_FALSE(tracker.wait_changed({seconds(20), {}}).value());
  CHECK(world.looks == 6);  // one, one when the watch had begun, and one every five seconds
  CHECK(world.watches == 1);

  auto other = world.other();
  const auto save = [&] {
    REQUIRE_OK(other.update(increment));
    world.time.advance(seconds(5));
    return Heard::nothing;  // a deaf one
  };
  world.heard = {save};
  const auto began = world.time.monotonic();
  CHECK(tracker.wait_changed({seconds(20), {}}).value());
  CHECK(world.time.monotonic() - began == seconds(5));
}

TEST_CASE("who heard of a change looks: own saves and rumours do not count") {
  World world;
  world.has_watch = true;
  auto tracker = open_counting(world);
  auto other = world.other();
  world.heard = {[] { return Heard::change; },
                 [&] {
                   REQUIRE_OK(tracker.update(increment));
                   return Heard::change;
                 },
                 [&] {
                   REQUIRE_OK(other.update(increment));
                   return Heard::change;
                 }};
  const auto waited = tracker.wait_changed({seconds(20), {}});
  REQUIRE_OK(waited);
  CHECK(waited.value());
  CHECK(world.heard.empty());
}

TEST_CASE("a change between the first look and the watch is seen") {
  World world;
  world.has_watch = true;
  auto tracker = open_counting(world);
  auto other = world.other();
  class Late final : public ForwardingStore {
   public:
    Late(World& world, CountTracker& other)
        : ForwardingStore(std::make_unique<Counting>(world)), other_(other) {}
    std::unique_ptr<Watch> watch() override {
      REQUIRE_OK(other_.update(increment));
      return base().watch();
    }

   private:
    CountTracker& other_;
  };
  auto late = CountTracker::open(std::make_unique<Late>(world, other), world.options()).value();
  const auto began = world.time.monotonic();
  CHECK(late.wait_changed({seconds(20), {}}).value());
  CHECK(world.time.monotonic() == began);
}

TEST_CASE("a watch that broke is replaced, after a pause") {
  World world;
  world.has_watch = true;
  auto tracker = open_counting(world);
  auto other = world.other();
  world.heard = {[] { return Heard::end; }, [] { return Heard::end; },
                 [&] {
                   REQUIRE_OK(other.update(increment));
                   return Heard::end;
                 }};
  CHECK(tracker.wait_changed({seconds(20), {}}).value());
  CHECK(world.watches == 3);
  CHECK(world.time.sleeps() > 0);
}

TEST_CASE("a wait for a change ends when it is told to, or when nobody can look") {
  World world;
  auto tracker = open_counting(world);
  std::atomic<unsigned> asked = 0;
  const auto stop = [&asked] { return ++asked > 3; };
  const auto stopped = tracker.wait_changed({milliseconds::max(), stop});
  REQUIRE_OK(stopped);
  CHECK_FALSE(stopped.value());
  REQUIRE_FAILS(invalid_argument, unchanged, tracker.update([&](Count&) -> Result<void> {
    BOOST_OUTCOME_TRY(tracker.wait_changed({milliseconds(0), {}}));
    return success();
  }));
}

TEST_CASE("a reader waits for the next state, too") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("state")).value();
  REQUIRE_OK(tracker.update(increment));
  testing::ManualEnvironment time;
  ReaderOptions options;
  options.system.environment = &time;
  auto reader = StateReader<Count>::open(at.file("state"), options).value();
  CHECK_FALSE(reader.wait_changed({seconds(1), {}}).value());
  CHECK(time.monotonic() == seconds(1));
  REQUIRE_OK(tracker.update(increment));
  CHECK(reader.wait_changed({seconds(1), {}}).value());
  CHECK(reader.reload().value());
  CHECK(reader.state()->value == 2);
}
