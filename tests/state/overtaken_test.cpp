// SPDX-License-Identifier: BSL-1.0
// Trackers over a store whose compare holds without a lock: others are faster, and nothing is lost.
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <perdure/forwarding_store.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// Lets somebody do something just before each of the next commits.
class Disturbed final : public ForwardingStore {
 public:
  Disturbed(Memory& memory, std::function<void()> deed, int times)
      : ForwardingStore(over(memory)), deed_(std::move(deed)), times_(times) {}

  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (times_ > 0) {
      --times_;
      deed_();
    }
    return base().commit(draft);
  }

 private:
  std::function<void()> deed_;
  int times_;
};

/// A tracker whose next commits come too late, so many times: another one counts first.
CountTracker open_disturbed(Memory& memory, CountTracker& other, int times,
                            TrackerOptions options = {}) {
  const auto deed = [&other] { REQUIRE_OK(Result<void>(other.update(increment))); };
  return CountTracker::open(std::make_unique<Disturbed>(memory, deed, times), options).value();
}

}  // namespace

TEST_CASE("an edit runs again on top of what a faster tracker left", "[P5][P13]") {
  Memory memory;
  auto other = CountTracker::open(over(memory)).value();
  REQUIRE_OK(Result<void>(other.update(increment)));
  auto tracker = open_disturbed(memory, other, 3);
  std::vector<std::uint64_t> seen;
  const auto saved = tracker.update([&](Count& count) {
    seen.push_back(count.value);
    return ++count.value;
  });
  REQUIRE_OK(saved);
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 4});
  CHECK(saved.value().value == 5);
  CHECK(saved.value().receipt.generation == 5);
  CHECK(memory.commits == 5);
  REQUIRE_OK(other.reload());
  CHECK(other.state()->value == 5);
}

TEST_CASE("a tracker that is overtaken all the time gives up after the time that a lock has") {
  Memory memory;
  auto other = CountTracker::open(over(memory)).value();
  auto tracker =
      open_disturbed(memory, other, 1000, {.lock_timeout_ms = std::chrono::milliseconds(0)});
  const auto refused = tracker.update(increment);
  REQUIRE_FAILS(lock_timeout, unchanged, refused);
  CHECK_THAT(refused.error().message(), Contains("each was faster"));
  CHECK(memory.commits == 1);
}

TEST_CASE("a previous generation is restored on top of what a faster tracker left") {
  Memory memory;
  auto other = CountTracker::open(over(memory), {.previous_max = 5}).value();
  for (int i = 0; i < 3; ++i) REQUIRE_OK(Result<void>(other.update(increment)));
  auto tracker = open_disturbed(memory, other, 1, {.previous_max = 5});
  REQUIRE_OK(tracker.restore(1));
  CHECK(tracker.state()->value == 1);
  CHECK(tracker.generation() == 5);
}

TEST_CASE("a state is committed again on top of what a faster tracker left") {
  Memory memory;
  auto other = CountTracker::open(over(memory)).value();
  REQUIRE_OK(Result<void>(other.update(increment)));
  auto tracker = open_disturbed(memory, other, 1);
  REQUIRE_OK(tracker.rewrite());
  CHECK(tracker.state()->value == 2);
  CHECK(tracker.generation() == 3);
}

TEST_CASE("threads with a tracker each and no lock: exactly the sum, and each number once",
          "[P5][P13]") {
  Memory memory;
  constexpr unsigned writers = 4;
  constexpr unsigned updates = 100;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < writers; ++i) {
    threads.emplace_back([&] {
      auto tracker = CountTracker::open(over(memory)).value();
      for (unsigned done = 0; done < updates;) {
        if (tracker.update(increment)) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto tracker = CountTracker::open(over(memory)).value();
  CHECK(tracker.state()->value == writers * updates);
  CHECK(memory.commits == writers * updates);
}

TEST_CASE("an exclusive tracker holds the lock, and others with the lock wait for it") {
  Memory memory;
  const TrackerOptions alone = {.lock = TrackerLock::exclusive,
                                .lock_timeout_ms = std::chrono::milliseconds(0)};
  auto tracker = CountTracker::open(over(memory), alone).value();
  REQUIRE_FAILS(lock_timeout, unchanged, CountTracker::open(over(memory), alone));
  REQUIRE_OK(Result<void>(tracker.update(increment)));
}

TEST_CASE("limits of a store are asked before anything is done") {
  Memory memory;
  memory.size_max = 1000;
  auto tracker = CountTracker::open(over(memory)).value();
  REQUIRE_OK(Result<void>(tracker.update(increment)));
  const auto large =
      tracker.update([](Count& count) { count.notes.emplace_back(std::string(2000, 'x')); });
  REQUIRE_FAILS(invalid_argument, unchanged, large);
  CHECK_THAT(large.error().message(), Contains("1000 are the most"));
  CHECK(memory.commits == 1);
  CHECK(tracker.state()->notes.empty());
}
