// SPDX-License-Identifier: BSL-1.0
// The promises of a tracker over any store: edits, failures, generations, damage, others beside it.
#include "suite.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <perdure/envelope.hpp>

#include "edits.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

std::uint64_t take_number(Count& count) {
  return count.value++;
}

void count_up(CountTracker& tracker, int times) {
  for (int i = 0; i < times; ++i) REQUIRE_OK(tracker.update(increment));
}

}  // namespace

TEST_CASE("suite: an update is in the store and in memory when it returns", "[P13]") {
  over_each_kind([](SuiteState& state) {
    {
      auto tracker = state.tracker();
      CHECK(tracker.report().origin == Origin::defaults);
      const auto before = tracker.state();
      const auto saved = tracker.update([](Count& count) { count = {.value = 3, .notes = {"a"}}; });
      REQUIRE_OK(saved);
      CHECK(saved.value().receipt.generation == 1);
      CHECK(saved.value().receipt.durability == Durability::durable);
      CHECK(before->value == 0);
      CHECK(tracker.state()->value == 3);
    }
    const auto again = state.tracker();
    CHECK(again.state()->notes == std::vector<std::string>{"a"});
    CHECK(again.report().origin == Origin::current);
    CHECK(again.report().reason.empty());
    CHECK(again.generation() == 1);
  });
}

TEST_CASE("suite: edits that nobody waits for yet are one commit, in their order") {
  over_each_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    const auto first = tracker.save_later(note("1"));
    const auto second = tracker.save_later(note("2"));
    CHECK_FALSE(first.ready());
    CHECK(state.commits == 0);
    CHECK(tracker.state()->notes.empty());
    REQUIRE_OK(second.wait());
    CHECK(first.ready());
    REQUIRE_OK(first.wait());
    CHECK(tracker.state()->notes == std::vector<std::string>{"1", "2"});
    REQUIRE_OK(tracker.flush());
    CHECK(state.commits == 1);
  });
}

TEST_CASE(
    "suite: an edit that fails or throws fails alone, and leaves no trace in the others' copy",
    "[P13]") {
  over_each_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    const auto good = tracker.save_later(note("good"));
    const auto bad = tracker.save_later([](Count& count) -> Result<void> {
      count.notes.push_back("half an edit");
      return refused();
    });
    const auto thrown = tracker.save_later([](Count& count) {
      count.notes.push_back("half an edit");
      throw std::runtime_error("from the edit");
    });
    const auto late = tracker.save_later(note("late"));
    REQUIRE_OK(good.wait());
    CHECK(bad.wait().error().detail == "not this one");
    CHECK_THROWS_WITH(thrown.wait(), "from the edit");
    CHECK_THROWS_WITH(thrown.wait(), "from the edit");
    REQUIRE_OK(late.wait());
    CHECK(tracker.state()->notes == std::vector<std::string>{"good", "late"});
    CHECK(state.commits == 1);
    CHECK_FALSE(tracker.update([](Count&) -> Result<void> { return refused(); }));
    CHECK(state.commits == 1);  // nothing was left to commit
  });
}

TEST_CASE("suite: a failed commit fails exactly its edits, and later ones run without them",
          "[P13]") {
  over_each_kind([](SuiteState& state) {
    std::uint64_t tried = 0;
    {
      auto tracker = state.tracker();
      REQUIRE_OK(tracker.update(note("before")));
      const auto one = tracker.save_later(note("one"));
      const auto two = tracker.save_later(note("two"));
      state.failures.push_back(Error{.kind = ErrorKind::system, .detail = "disk full"});
      CHECK(one.wait().error().detail == "disk full");
      CHECK_FALSE(two.wait());
      CHECK(tracker.state()->notes == std::vector<std::string>{"before"});
      tried = tracker.generation() + 1;
      REQUIRE_OK(tracker.update(note("three")));
      CHECK(tracker.generation() > tried);  // a number that was tried is not given again
    }
    CHECK(state.tracker().state()->notes == std::vector<std::string>{"before", "three"});
  });
}

TEST_CASE("suite: the committer's thread commits by itself, and finishes the queue at the end") {
  over_each_kind([](SuiteState& state) {
    std::vector<SaveHandle<>> handles;
    {
      auto tracker = state.tracker({.committer_thread = true});
      REQUIRE_OK(tracker.update(increment));
      for (int i = 0; i < 100; ++i) handles.push_back(tracker.save_later(increment));
      CHECK_THROWS(tracker.update([](Count&) { throw std::runtime_error("on its thread"); }));
      REQUIRE_OK(tracker.flush());
      for (int i = 0; i < 100; ++i) handles.push_back(tracker.save_later(increment));
    }
    for (const auto& handle : handles) CHECK(handle.wait());
    handles.clear();
    CHECK(state.tracker().state()->value == 201);
    CHECK(state.commits < 201);
  });
}

TEST_CASE("suite: the value of an edit is that of the run that was committed") {
  over_each_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    int runs = 0;
    const auto fails = tracker.save_later([](Count& count) -> Result<void> {
      count.value = 100;
      return Error{.kind = ErrorKind::conflict, .detail = "not today"};
    });
    const auto before = tracker.save_later([&runs](Count& count) {
      ++runs;
      return take_number(count);
    });
    const auto refuses = tracker.save_later([](Count& count) -> Result<std::uint64_t> {
      if (count.value > 0) return Error{.kind = ErrorKind::exists, .detail = "taken"};
      return count.value;
    });
    const auto after =
        tracker.save_later([](Count& count) -> Result<std::uint64_t> { return count.value; });
    CHECK_FALSE(fails.wait());
    CHECK(refuses.wait().error().kind == ErrorKind::exists);
    CHECK(before.wait().value().value == 0);
    CHECK(after.wait().value().value == 1);
    CHECK(runs > 1);
    CHECK(state.commits == 1);
  });
}

TEST_CASE("suite: whoever asked is called once, when the outcome is known") {
  over_each_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    unsigned calls = 0;
    const auto handle = tracker.save_later(take_number);
    handle.on_done([&] {
      ++calls;
      CHECK(handle.ready());
      CHECK(handle.wait());
      // Nobody has the turn: it may wait for the tracker.
      if (calls == 1) CHECK(tracker.update(take_number));
    });
    CHECK(calls == 0);
    REQUIRE_OK(handle.wait());
    CHECK(calls == 1);
    handle.on_done([&] { ++calls; });
    CHECK(calls == 2);
    state.failures.push_back(Error{.kind = ErrorKind::system, .detail = "disk full"});
    const auto fails = tracker.save_later(take_number);
    fails.on_done([&] { ++calls; });
    CHECK_FALSE(fails.wait());
    CHECK(calls == 3);
  });
}

TEST_CASE("suite: reloads and saves take turns, so that none keeps the other waiting forever") {
  over_each_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    REQUIRE_OK(tracker.update(increment));
    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        while (!stop) failures += tracker.update(increment) ? 0 : 1;
      });
    }
    for (int i = 0; i < 50; ++i) REQUIRE_OK(tracker.reload());
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
  });
}

TEST_CASE("suite: as many previous generations are kept as the option says") {
  over_each_kind([](SuiteState& state) {
    const auto previous = [&](std::uint32_t kept, int saves) {
      auto tracker = state.tracker({.previous_max = kept});
      count_up(tracker, saves);
      return tracker.history().value().previous;
    };
    using Numbers = std::vector<std::uint64_t>;
    CHECK(previous(0, 3) == Numbers{});
    CHECK(previous(3, 5) == Numbers{7, 6, 5});
    CHECK(previous(1, 1) == Numbers{8});
    CHECK(previous(0, 1) == Numbers{});
  });
}

TEST_CASE("suite: restore commits an earlier generation under a new number") {
  over_each_kind([](SuiteState& state) {
    {
      auto tracker = state.tracker({.previous_max = 3});
      count_up(tracker, 4);
      REQUIRE_OK(tracker.restore(2));
      CHECK(tracker.state()->value == 2);
      CHECK(tracker.generation() == 5);
      REQUIRE_FAILS(invalid_argument, unchanged, tracker.restore(77));
    }
    CHECK(state.tracker().state()->value == 2);
  });
}

TEST_CASE("suite: members that this program does not know survive its saves") {
  over_each_kind([](SuiteState& state) {
    state.replace(as_bytes(R"({"value": 1, "color": {"r": 1.50}, "big": 1e400})"));
    {
      auto tracker = state.tracker();
      count_up(tracker, 3);
    }
    CHECK_THAT(std::string(as_text(state.bytes())), Contains(R"("color": {"r": 1.50})") &&
                                                        Contains(R"("big": 1e400)") &&
                                                        Contains(R"("value": 4)"));
  });
}

TEST_CASE("suite: an older schema is migrated, and a newer one is refused") {
  over_each_kind([](SuiteState& state) {
    state.replace(as_bytes(R"({"total": 20, "schema_version": 1})"));
    Migrations<Json<Count>> migrations(2);
    migrations.from(1, [](boost::json::object& old) -> Result<void> {
      old["value"] = old.at("total");
      return success();
    });
    {
      auto tracker = CountTracker::open(state.open(), {}, {}, {}, migrations).value();
      CHECK(tracker.state()->value == 20);
      count_up(tracker, 1);
    }
    const auto older = CountTracker::open(state.open());
    REQUIRE_FAILS(too_new, unchanged, older);
    CHECK(state.commits == 1);
  });
}

TEST_CASE("suite: a damaged state is set aside, and the previous generation goes on", "[P14]") {
  over_each_kind([](SuiteState& state) {
    {
      auto tracker = state.tracker();
      count_up(tracker, 2);
    }
    const Buffer intact = state.bytes();
    std::vector<Buffer> damages = {{}, Buffer(intact.begin(), intact.end() - 5), intact};
    damages.back()[intact.size() / 2] ^= std::byte{1};
    for (std::size_t i = 0; i < damages.size(); ++i) {
      CAPTURE(i);
      state.replace(damages[i]);
      {
        auto tracker = state.tracker();
        CHECK(tracker.report().origin == Origin::previous);
        CHECK_FALSE(tracker.report().reason.empty());
        CHECK_FALSE(tracker.report().set_aside.empty());
        CHECK(tracker.state()->value == i + 1);
        count_up(tracker, 2);
        CHECK(tracker.generation() > (i + 1) * 1000);
      }
      CHECK(state.history().damaged.size() == i + 1);
    }
  });
}

TEST_CASE("suite: damage is refused where that was asked for, and stays", "[P14]") {
  over_each_kind([](SuiteState& state) {
    state.replace(as_bytes("damage"));
    REQUIRE_FAILS(corrupt, unchanged,
                  CountTracker::open(state.open(), {.damage = DamagePolicy::refuse}));
    CHECK(as_text(state.bytes()) == "damage");
    CHECK(state.history().damaged.empty());
  });
}

TEST_CASE("suite: a missing state with a previous generation there is that generation", "[P14]") {
  over_each_kind([](SuiteState& state) {
    {
      auto tracker = state.tracker();
      count_up(tracker, 3);
    }
    state.take_away(3);
    auto tracker = state.tracker();
    CHECK(tracker.report().origin == Origin::previous);
    CHECK(tracker.state()->value == 2);
    count_up(tracker, 1);
    CHECK(tracker.generation() > 1000);
  });
}

TEST_CASE("suite: an older copy put back is a loss, also in an envelope", "[P13]") {
  using Tracker = StateTracker<Buffer, Envelope<RawBytes>>;
  over_each_kind([](SuiteState& state) {
    const auto grow = [](Buffer& bytes) { bytes.push_back(std::byte{1}); };
    REQUIRE_OK(Tracker::open(state.open()).value().update(grow));
    const Buffer old = state.bytes();
    {
      auto tracker = Tracker::open(state.open()).value();
      for (int i = 0; i < 4; ++i) REQUIRE_OK(tracker.update(grow));
    }
    state.replace(old);
    auto other = Tracker::open(state.open()).value();
    CHECK(other.report().origin == Origin::replaced);
    CHECK(other.state()->size() == 1);
    for (int i = 0; i < 4; ++i) REQUIRE_OK(other.update(grow));
    CHECK(other.generation() > 1000);
    CHECK(other.history().value().damaged.size() == 1);  // generation 4
  });
}

TEST_CASE("suite: a tracker takes over no history that does not hold its own", "[P15]") {
  over_each_shared_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    count_up(tracker, 1);
    const Buffer old = state.bytes();
    count_up(tracker, 4);
    state.replace(old);
    {
      auto other = state.tracker();
      count_up(other, 4);
    }
    const auto late = tracker.update(increment);
    REQUIRE_FAILS(conflict, unchanged, late);
    CHECK(tracker.state()->value == 5);
    REQUIRE_OK(tracker.reload());
    CHECK(tracker.report().origin == Origin::replaced);
    CHECK(tracker.state()->value == 5);
    count_up(tracker, 1);
    CHECK(tracker.state()->value == 6);
  });
}

TEST_CASE("suite: after a save of unknown fate memory stays, and saves wait for a reload",
          "[P13]") {
  over_each_kind([](SuiteState& state) {
    {
      auto tracker = state.tracker();
      count_up(tracker, 1);
      state.lose_answer = true;
      const auto unsure = tracker.update(increment);
      REQUIRE_FALSE(unsure);
      CHECK(unsure.error().fate == Fate::unknown);
      CHECK(tracker.state()->value == 1);
      CHECK(tracker.generation() == 1);
      REQUIRE_FAILS(recovery_required, unchanged, tracker.update(increment));
      REQUIRE_FAILS(recovery_required, unchanged, tracker.restore(1));
      state.failures.push_back(Error{.kind = ErrorKind::system, .detail = "disk full"});
      REQUIRE_FALSE(tracker.reload());
      CHECK(tracker.state()->value == 1);
      REQUIRE_FAILS(recovery_required, unchanged, tracker.update(increment));
      REQUIRE_OK(tracker.reload());
      CHECK(tracker.state()->value == 2);
      CHECK(tracker.generation() > 2);  // committed anew, under its own number
      count_up(tracker, 1);
    }
    CHECK(state.tracker().state()->value == 3);
  });
}

TEST_CASE("suite: two trackers see each other's saves, and lose none", "[P13]") {
  over_each_shared_kind([](SuiteState& state) {
    auto one = state.tracker();
    auto two = state.tracker();
    CHECK_FALSE(one.changed().value());
    for (int i = 0; i < 5; ++i) {
      count_up(one, 1);
      CHECK(two.changed().value());
      count_up(two, 1);
      CHECK_FALSE(two.changed().value());
    }
    CHECK(two.state()->value == 10);
    CHECK(two.generation() == 10);
    CHECK(one.state()->value == 9);
    const auto waited = one.wait_changed({std::chrono::milliseconds(0), {}});
    REQUIRE_OK(waited);
    CHECK(waited.value());
    REQUIRE_OK(one.reload());
    CHECK(one.state()->value == 10);
  });
}

TEST_CASE("suite: an edit that calls itself off does so over the state that is there", "[P13]") {
  over_each_shared_kind([](SuiteState& state) {
    auto one = state.tracker();
    auto two = state.tracker();
    const auto take = [](Count& count) -> Result<std::uint64_t> {
      if (count.value == 0) return refused();
      return count.value--;
    };
    REQUIRE_FAILS(invalid_argument, unchanged, one.update(take));
    count_up(two, 1);
    const auto taken = one.update(take);
    REQUIRE_OK(taken);
    CHECK(taken.value().value == 1);
    count_up(two, 1);
    const auto throws = [](Count& count) {
      if (count.value == 0) throw std::runtime_error("nothing there");
    };
    REQUIRE_OK(one.update(throws));
    REQUIRE_OK(one.update(take));
    CHECK_THROWS_WITH(one.update(throws), "nothing there");
    REQUIRE_FAILS(invalid_argument, unchanged, two.update(take));
    CHECK(state.commits == 5);
  });
}

TEST_CASE("suite: a state that was taken away under a running tracker is a conflict") {
  over_each_shared_kind([](SuiteState& state) {
    auto tracker = state.tracker();
    count_up(tracker, 2);
    state.take_away(2);
    CHECK(tracker.changed().value());
    REQUIRE_FAILS(conflict, unchanged, tracker.update(increment));
    REQUIRE_FAILS(conflict, unchanged, tracker.reload());
    CHECK(tracker.state()->value == 2);
    REQUIRE_OK(tracker.rewrite());
    CHECK(tracker.state()->value == 2);
    CHECK(tracker.generation() > 1000);  // others may have saved more that is lost
    count_up(tracker, 1);
    CHECK(state.tracker().state()->value == 3);
  });
}

TEST_CASE("suite: threads with a tracker each: exactly the sum, and each number once",
          "[P5][P13]") {
  over_each_shared_kind([](SuiteState& state) {
    constexpr unsigned writers = 3;
    constexpr unsigned updates = 20;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < writers; ++i) {
      threads.emplace_back([&, tracker = CountTracker::open(state.plain()).value()]() mutable {
        for (unsigned done = 0; done < updates;) {
          if (tracker.update(increment)) ++done;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    const auto tracker = state.tracker();
    CHECK(tracker.state()->value == writers * updates);
    CHECK(tracker.generation() >= writers * updates);
  });
}

TEST_CASE("suite: an exclusive tracker holds the lock, and others with the lock wait for it",
          "[P8]") {
  over_each_shared_kind([](SuiteState& state) {
    const TrackerOptions alone = {.lock = TrackerLock::exclusive,
                                  .lock_timeout_ms = std::chrono::milliseconds(0)};
    {
      auto tracker = state.tracker(alone);
      REQUIRE_FAILS(lock_timeout, unchanged, CountTracker::open(state.open(), alone));
      count_up(tracker, 1);
    }
    auto tracker = state.tracker(alone);
    CHECK(tracker.state()->value == 1);
  });
}

TEST_CASE("suite: where no lock is needed, an edit runs again on top of what a faster tracker left",
          "[P5][P13]") {
  over_each_shared_kind([](SuiteState& state) {
    if (state.plain()->limits().needs_lock) return;
    auto other = CountTracker::open(state.plain(), {.previous_max = 5}).value();
    count_up(other, 1);
    auto tracker = state.tracker({.previous_max = 5});
    state.before = [&] { count_up(other, 1); };
    state.disturbed = 3;
    std::vector<std::uint64_t> seen;
    const auto saved = tracker.update([&](Count& count) {
      seen.push_back(count.value);
      return ++count.value;
    });
    REQUIRE_OK(saved);
    CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 4});
    CHECK(saved.value().value == 5);
    CHECK(saved.value().receipt.generation == 5);
    state.disturbed = 1;
    REQUIRE_OK(tracker.restore(2));
    CHECK(tracker.state()->value == 2);
    CHECK(tracker.generation() == 7);
    state.disturbed = 1;
    REQUIRE_OK(tracker.rewrite());
    CHECK(tracker.state()->value == 3);
    CHECK(tracker.generation() == 9);

    auto hasty = state.tracker({.lock_timeout_ms = std::chrono::milliseconds(0)});
    state.disturbed = 1000;
    const auto overtaken = hasty.update(increment);
    REQUIRE_FAILS(lock_timeout, unchanged, overtaken);
    CHECK_THAT(overtaken.error().message(), Contains("each was faster"));
  });
}
