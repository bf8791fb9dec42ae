// SPDX-License-Identifier: BSL-1.0
// A tracker destroys its users' functions where these may use the tracker.
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <perdure/state_tracker.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/ending.hpp"
#include "support/process.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// Runs when the last copy is destroyed.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> work)
      : work_(new int(), [work = std::move(work)](const int* number) {
          delete number;
          work();
        }) {}

 private:
  std::shared_ptr<int> work_;
};

/// All that may be done with a tracker; says which of it went wrong.
std::string use(CountTracker& tracker) {
  if (tracker.state() == nullptr) return "no state";
  if (tracker.report().generation > tracker.generation()) return "a wrong report";
  (void)tracker.save_later(increment);
  const auto history = tracker.history();
  const auto reloaded = tracker.reload();
  const auto saved = tracker.update(increment);
  const auto flushed = tracker.flush();
  for (const ErrorKind kind : {history ? ErrorKind::invalid_argument : history.error().kind,
                               reloaded ? ErrorKind::invalid_argument : reloaded.error().kind,
                               saved ? ErrorKind::invalid_argument : saved.error().kind,
                               flushed ? ErrorKind::invalid_argument : flushed.error().kind}) {
    if (kind != ErrorKind::invalid_argument) return "an error of another kind";
  }
  return "used";
}

struct Thrown : std::runtime_error {
  explicit Thrown(AtEnd end) : std::runtime_error("called off"), at_end(std::move(end)) {}
  AtEnd at_end;
};

using Said = std::promise<std::string>;

/// In a process of its own, which is killed when it hangs: `work` says what came of it.
void check_used(const std::function<std::string(CountTracker&, Said&)>& work,
                bool committer_thread) {
  Child child([&] {
    ::alarm(20);
    Memory memory;
    auto tracker = CountTracker::open(over(memory), {.committer_thread = committer_thread}).value();
    Said said;
    const std::string fault = work(tracker, said);
    return fault.empty() ? said.get_future().get() : fault;
  });
  INFO("committer thread: " << committer_thread);
  CHECK(child.said() == "used");
}

}  // namespace

// Found in review: the tracker destroyed an edit under its own mutex, so that a capture which used
// the tracker in its destructor waited forever.
TEST_CASE("a capture of an edit may use the tracker in its destructor") {
  for (const bool thread : {false, true}) {
    check_used(
        [](CountTracker& tracker, Said& said) -> std::string {
          AtEnd end([&] { said.set_value(use(tracker)); });
          const auto saved =
              tracker.update([end = std::move(end)](Count& count) { ++count.value; });
          return saved ? "" : "the save failed";
        },
        thread);
  }
}

TEST_CASE("what an edit captured is gone before its save is told") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  bool gone = false;
  const SaveHandle<> handle =
      tracker.save_later([end = AtEnd([&] { gone = true; })](Count& count) { ++count.value; });
  CHECK_FALSE(gone);
  REQUIRE(handle.wait());
  CHECK(gone);
}

TEST_CASE("an exception that an edit threw may use the tracker in its destructor") {
  for (const bool thread : {false, true}) {
    check_used(
        [](CountTracker& tracker, Said& said) -> std::string {
          {
            AtEnd end([&] { said.set_value(use(tracker)); });
            (void)tracker.save_later(
                [end = std::move(end)](Count&) -> void { throw Thrown(end); });  // nobody waits
          }
          return tracker.update(increment) && tracker.flush() ? "" : "the save failed";
        },
        thread);
  }
}

namespace {

struct Noticed {
  std::uint64_t value = 0;
  std::shared_ptr<int> own;
};
BOOST_DESCRIBE_STRUCT(Noticed, (), (value))

}  // namespace

TEST_CASE("a state may use the tracker in its destructor") {
  Child child([] {
    ::alarm(20);
    Memory memory;
    auto tracker = StateTracker<Noticed>::open(over(memory)).value();
    std::string said = "not destroyed";
    const auto notice = [&](const int* number) {
      delete number;
      const bool failed = !tracker.update([](Noticed&) {});
      said = tracker.state() && failed ? "used" : "a wrong answer";
    };
    if (!tracker.update([&](Noticed& state) { state.own.reset(new int(), notice); })) return said;
    (void)tracker.update([](Noticed& state) { state.own.reset(); });
    return said;
  });
  CHECK(child.said() == "used");
}

TEST_CASE("a tracker or a handle that was moved from can't be used, in no build") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  auto handle = tracker.save_later(increment);
  const auto tracker_now = std::move(tracker);
  const auto handle_now = std::move(handle);
  // NOLINTBEGIN(bugprone-use-after-move): that is the subject
  CHECK(end_of([&] { (void)tracker.state(); }) == aborted);
  CHECK(end_of([&] { (void)tracker.generation(); }) == aborted);
  CHECK(end_of([&] { (void)tracker.update(increment); }) == aborted);
  CHECK(end_of([&] { (void)tracker.reload(); }) == aborted);
  CHECK(end_of([&] { (void)tracker.history(); }) == aborted);
  CHECK(end_of([&] { (void)handle.wait(); }) == aborted);
  // NOLINTEND(bugprone-use-after-move)
}
