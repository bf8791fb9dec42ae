// SPDX-License-Identifier: BSL-1.0
// An edit gives back its value, a receipt, and a handle that can be asked.
#include <condition_variable>
#include <mutex>
#include <thread>

#include <perdure/forwarding_store.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

std::uint64_t take_number(Count& count) {
  return count.value++;
}

/// A store whose commits wait until somebody opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard guard(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock guard(mutex_);
    arrived_ = true;
    changed_.notify_all();
    changed_.wait(guard, [&] { return open_; });
  }
  void wait_for_arrival() {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [&] { return arrived_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool arrived_ = false;
};

class GatedStore final : public ForwardingStore {
 public:
  GatedStore(Memory& memory, Gate& gate) : ForwardingStore(over(memory)), gate_(gate) {}
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    gate_.pass();
    return base().commit(draft);
  }

 private:
  Gate& gate_;
};

/// A save that another thread is committing, until `finish`.
struct HeldSave {
  HeldSave() { gate.wait_for_arrival(); }
  void finish() {
    gate.open();
    committing.join();
    CHECK(saved);
  }

  Memory memory;
  Gate gate;
  CountTracker tracker = CountTracker::open(std::make_unique<GatedStore>(memory, gate)).value();
  SaveHandle<std::uint64_t> handle = tracker.save_later(take_number);
  bool saved = false;
  std::thread committing{[this] { saved = handle.wait().has_value(); }};
};

}  // namespace

TEST_CASE("an edit gives back what it returned, and the receipt of its commit") {
  const TempDirectory at;
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE_OK(tracker.update(take_number));
  const auto second = tracker.update(take_number);
  REQUIRE_OK(second);
  CHECK(second.value().value == 1);
  const SaveReceipt& receipt = second.value().receipt;
  CHECK(receipt.generation == 2);
  CHECK(receipt.generation == tracker.generation());
  CHECK(receipt.bytes == slurp(at.file("s")).size());
  CHECK(receipt.durability == Durability::durable);
  const auto synced = [](const StageTime& stage) { return stage.stage == "sync parent"; };
  CHECK(std::ranges::count_if(receipt.stages, synced) == 1);
}

TEST_CASE("a save that is only ordered says so") {
  const TempDirectory at;
  TrackerOptions options;
  options.file.durability = Durability::ordered;
  auto tracker = CountTracker::open(at.file("s"), options).value();
  const auto saved = tracker.update(take_number);
  REQUIRE_OK(saved);
  CHECK(saved.value().receipt.durability == Durability::ordered);
}

TEST_CASE("any number of handles get the value of one edit") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  const auto handle = tracker.save_later([](Count&) { return std::string(100, 'x'); });
  const auto copy = handle;
  CHECK(handle.wait().value().value == copy.wait().value().value);
  CHECK(handle.wait().value().value.size() == 100);
}

TEST_CASE("a handle is ready when its outcome is known, and asking commits nothing") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  const auto handle = tracker.save_later(take_number);
  CHECK_FALSE(handle.ready());
  CHECK(memory.commits == 0);
  REQUIRE_OK(tracker.flush());
  CHECK(handle.ready());
  CHECK(handle.wait().value().receipt.generation == 1);
}

TEST_CASE("who waits with a deadline commits what nobody else does") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  const auto handle = tracker.save_later(take_number);
  const auto outcome = handle.wait_for(std::chrono::milliseconds(0));
  REQUIRE(outcome);
  REQUIRE_OK(*outcome);
  CHECK(memory.commits == 1);
}

TEST_CASE("a wait with a deadline ends while another thread commits") {
  HeldSave held;
  CHECK_FALSE(held.handle.wait_for(std::chrono::milliseconds(0)));
  CHECK_FALSE(held.handle.ready());
  const auto other = held.tracker.save_later(take_number);
  CHECK_FALSE(other.wait_for(std::chrono::milliseconds(1)));
  held.finish();
  CHECK(held.handle.wait_for(std::chrono::milliseconds(0)));
  // Nobody waits for the other one: the next turn is not kept for it.
  REQUIRE_OK(held.tracker.history());
  CHECK_FALSE(other.ready());
  CHECK(other.wait().value().value == 1);
}

TEST_CASE("the committer's thread calls without anybody waiting") {
  Memory memory;
  Gate commits;
  Gate called;
  auto tracker =
      CountTracker::open(std::make_unique<GatedStore>(memory, commits), {.committer_thread = true})
          .value();
  const auto handle = tracker.save_later(take_number);
  commits.wait_for_arrival();
  bool refused = false;
  handle.on_done([&] {
    refused = !tracker.update(take_number);  // it would wait for itself
    called.open();
  });
  commits.open();
  called.pass();
  CHECK(refused);
  CHECK(memory.commits == 1);
}

TEST_CASE("a call for an edit that nobody commits is dropped with it") {
  Memory memory;
  const auto life = std::make_shared<int>();
  {
    auto tracker = CountTracker::open(over(memory)).value();
    tracker.save_later(take_number).on_done([life] { FAIL("it was not committed"); });
    CHECK(life.use_count() == 2);
  }
  CHECK(life.use_count() == 1);
}

TEST_CASE("a forwarding store passes everything on") {
  const TempDirectory at;
  const auto open = [&] {
    auto files = open_file_store(at.file("s"));
    REQUIRE_OK(files);
    return CountTracker::open(std::make_unique<ForwardingStore>(std::move(files.value()))).value();
  };
  {
    auto tracker = open();
    for (int i = 0; i < 3; ++i) REQUIRE_OK(tracker.update(take_number));
    REQUIRE_OK(tracker.restore(2));
    CHECK(tracker.history().value().previous.front() == 3);
  }
  CHECK(open().state()->value == 2);
  spit(at.file("s"), "{damaged");
  auto tracker = open();
  CHECK(tracker.report().origin == Origin::previous);
  CHECK(fs::exists(tracker.report().set_aside));
}

// Found in review: it ended in the past.
TEST_CASE("the longest time to wait is forever") {
  HeldSave held;
  bool known = false;
  std::thread waiting([&] {
    const auto outcome = held.handle.wait_for(std::chrono::milliseconds::max());
    known = outcome && outcome->has_value();
  });
  held.finish();
  waiting.join();
  CHECK(known);
}

// Found in review: the handle in the call kept the tracker, the tracker the call.
TEST_CASE("a call that keeps its handle goes with the tracker") {
  const TempDirectory at;
  const auto life = std::make_shared<int>();
  {
    auto tracker = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
    const auto handle = tracker.save_later(take_number);
    handle.on_done([handle, life] { (void)handle.wait(); });
    handle.on_done(nullptr);
  }
  CHECK(life.use_count() == 1);
  TrackerOptions options;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  CHECK(CountTracker::open(at.file("s"), options));
}

TEST_CASE("reload makes a state durable that was saved in order alone") {
  const TempDirectory at;
  testing::FaultyFileSystem files(native_file_system());
  TrackerOptions options;
  options.file.durability = Durability::ordered;
  options.system.files = &files;
  auto tracker = CountTracker::open(at.file("s"), options).value();
  REQUIRE_OK(tracker.update(take_number));
  files.restart();
  REQUIRE_OK(tracker.reload());
  CHECK(files.calls(testing::Operation::sync_directory) == 1);
  REQUIRE_OK(tracker.reload());
  CHECK(files.calls(testing::Operation::sync_directory) == 1);
}
