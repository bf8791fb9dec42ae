// SPDX-License-Identifier: BSL-1.0
// A process that forks while it has a tracker: the child's copy waits for nobody, changes nothing,
// and says so.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <perdure/system/forwarding_file_system.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// A child that hangs is ended by the kernel, and the test hears of it.
void bound_time() {
  ::alarm(20);
}

template <class T>
std::string words(const Result<T>& result) {
  if (result) return "done\n";
  const std::string nature = nature_of(result);
  return nature == "invalid_argument, unchanged, use the state" ? "refused\n" : nature + "\n";
}

/// Every way in that may save or wait, and in the end the destructor.
std::string use_and_drop(CountTracker& tracker, const SaveHandle<>& queued) {
  std::string said = words(tracker.update(increment));
  const auto own = tracker.save_later(increment);
  said += words(own.wait());
  said += words(queued.wait());
  said += words(tracker.flush());
  said += words(tracker.reload());
  said += words(tracker.restore(1));
  said += words(tracker.history());
  const auto state = tracker.state();
  said += std::to_string(state->value) + " of " + std::to_string(tracker.generation()) + ", " +
          std::string(to_string(tracker.report().origin)) + "\n";
  { const CountTracker dropped = std::move(tracker); }
  return said;
}

const std::string all_refused = "refused\nrefused\nrefused\nrefused\nrefused\nrefused\nrefused\n";

/// Holds up the first sync of a file behind `armed`, until it is let go.
class Holding final : public ForwardingFileSystem {
 public:
  Holding() : ForwardingFileSystem(native_file_system()) {}
  std::atomic<bool> armed = false;
  std::atomic<bool> reached = false;
  std::atomic<bool> open = false;

  SysResult<void> sync_file(Handle file) override {
    if (armed && !reached.exchange(true)) {
      while (!open) std::this_thread::yield();
    }
    return ForwardingFileSystem::sync_file(file);
  }
};

/// Forks, and lets the child go first.
pid_t fork_and_await() {
  const pid_t child = ::fork();
  if (child == 0) {
    bound_time();
    return 0;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? child : -1;
}

}  // namespace

TEST_CASE("a forked child's copy of a tracker refuses to save, reads, and is dropped") {
  const TempDirectory at(Medium::memory);
  const bool committer_thread = GENERATE(false, true);
  const auto lock = GENERATE(TrackerLock::shared, TrackerLock::exclusive);
  CAPTURE(committer_thread);
  auto tracker =
      CountTracker::open(at.file("s"), {.lock = lock, .committer_thread = committer_thread})
          .value();
  for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
  const auto done = tracker.save_later(increment);
  REQUIRE(done.wait());
  const std::string before = at.get("s");
  Child child([&] {
    bound_time();
    const std::string told = words(done.wait());
    return told + use_and_drop(tracker, tracker.save_later(increment));
  });
  CHECK(child.said() == "done\n" + all_refused + "4 of 4, defaults\n");
  CHECK(at.get("s") == before);
  REQUIRE(tracker.update(increment));
  CHECK(tracker.state()->value == 5);
}

TEST_CASE("edits that a parent queued are saved by the parent alone") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  const auto queued = tracker.save_later(increment);
  Child child([&] {
    bound_time();
    return use_and_drop(tracker, queued);
  });
  CHECK(child.said() == all_refused + "0 of 0, defaults\n");
  CHECK(at.names().empty());
  REQUIRE(queued.wait());
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 1);
}

TEST_CASE("a child that was forked while others save and wait is held up by none of them", "[P8]") {
  const TempDirectory at(Medium::memory);
  const bool committer_thread = GENERATE(false, true);
  CAPTURE(committer_thread);
  Holding files;
  auto tracker = CountTracker::open(at.file("s"), {.committer_thread = committer_thread,
                                                   .system = {&files, &native_environment()}})
                     .value();
  REQUIRE(tracker.update(increment));
  files.armed = true;
  const auto held = tracker.save_later(increment);
  std::vector<std::string> told(2);
  std::vector<std::thread> threads;
  for (std::string& each : told) {
    threads.emplace_back([&] { each = words(held.wait()); });
  }
  while (!files.reached) std::this_thread::yield();
  Child child([&] {
    bound_time();
    return use_and_drop(tracker, held);
  });
  CHECK(child.said() == all_refused + "1 of 1, defaults\n");
  files.open = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(told == std::vector<std::string>(2, "done\n"));
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 2);
}

TEST_CASE("a child reads the state, whoever was about to read or change it when it was forked") {
  Memory memory;
  auto tracker = CountTracker::open(over(memory)).value();
  std::atomic<bool> ended = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!ended) (void)tracker.state();
  });
  threads.emplace_back([&] {
    while (!ended) (void)tracker.update(increment);
  });
  std::string said;
  for (int i = 0; i < 100 && said.empty(); ++i) {
    Child child([&]() -> std::string {
      bound_time();
      const auto seen = tracker.state();
      const auto generation = tracker.generation();
      return seen->value == generation ? "" : "another generation's number";
    });
    said = child.said();
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(said.empty());
}

TEST_CASE("a child that an edit forked commits nothing") {
  const TempDirectory at(Medium::memory);
  const bool committer_thread = GENERATE(false, true);
  CAPTURE(committer_thread);
  auto tracker = CountTracker::open(at.file("s"), {.committer_thread = committer_thread}).value();
  REQUIRE(tracker.update(increment));
  const std::string before = at.get("s");
  const pid_t test = ::getpid();
  std::string after;
  bool ended_well = false;
  const auto saved = tracker.update([&](Count& count) {
    ++count.value;
    ended_well = fork_and_await() != -1;
    if (::getpid() == test) after = at.get("s");
  });
  if (::getpid() != test) ::_exit(words(saved) == "refused\n" ? 0 : 1);
  REQUIRE(saved);
  CHECK(ended_well);
  CHECK(after == before);
  CHECK(at.names_with("perdure-tmp").empty());
  CHECK(tracker.generation() == 2);
}

TEST_CASE("a child that dropped its copy does not keep the parent's exclusive lock", "[P8]") {
  const TempDirectory at(Medium::memory);
  const bool committer_thread = GENERATE(false, true);
  const TrackerOptions options{.lock = TrackerLock::exclusive,
                               .lock_timeout_ms = std::chrono::milliseconds(0),
                               .committer_thread = committer_thread};
  auto tracker = std::make_unique<CountTracker>(CountTracker::open(at.file("s"), options).value());
  Child child([&] {
    bound_time();
    tracker.reset();
    at.put("dropped", "");
    while (at.get("end") == "(none)") std::this_thread::yield();
    return std::string();
  });
  while (at.get("dropped") == "(none)") std::this_thread::yield();
  CHECK_FALSE(CountTracker::open(at.file("s"), options));
  tracker.reset();
  CHECK(CountTracker::open(at.file("s"), options));
  at.put("end", "");
  CHECK(child.said().empty());
}
