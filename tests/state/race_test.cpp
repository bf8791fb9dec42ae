// SPDX-License-Identifier: BSL-1.0
// Several processes and threads save one state; a person edits it in between.
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

constexpr unsigned updates = 1000;

TrackerOptions patient() {
  return {.lock_timeout_ms = std::chrono::milliseconds::max()};
}

/// A process of its own for each; true when all ended with 0.
bool run_all(const std::vector<std::function<int()>>& works) {
  std::vector<pid_t> children;
  for (const auto& work : works) {
    const pid_t child = ::fork();
    if (child == 0) std::_Exit(work());
    if (child < 0) throw std::runtime_error("fork");
    children.push_back(child);
  }
  bool good = true;
  for (const pid_t child : children) {
    int status = 0;
    good = ::waitpid(child, &status, 0) == child && status == 0 && good;
  }
  return good;
}

/// 0 when every increment was acknowledged; a conflict is reloaded and tried again.
int increment_often(const std::string& path, std::atomic<unsigned>* conflicts) {
  auto opened = CountTracker::open(path, patient());
  if (!opened) return 1;
  auto& tracker = opened.value();
  for (unsigned i = 0; i < updates; ++i) {
    while (true) {
      const auto done = tracker.update(increment);
      if (done) break;
      if (done.error().kind != ErrorKind::conflict || conflicts == nullptr) return 2;
      ++*conflicts;
      if (!tracker.reload()) return 3;
    }
  }
  return 0;
}

void check_sum(const TempDirectory& at, std::uint64_t sum) {
  const auto tracker = CountTracker::open(at.file("s")).value();
  CHECK(tracker.state()->value == sum);
  CHECK(tracker.report().origin == Origin::current);
  CHECK(at.names_with("damaged").empty());
  CHECK(at.names_with("perdure-tmp").empty());
}

}  // namespace

TEST_CASE("two processes of 1,000 increments each: exactly the sum", "[P5][P13]") {
  const TempDirectory at(Medium::memory);
  const auto work = [&] { return increment_often(at.file("s"), nullptr); };
  CHECK(run_all({work, work}));
  check_sum(at, 2 * updates);
  CHECK(CountTracker::open(at.file("s")).value().generation() == 2 * updates);
}

TEST_CASE("two processes of two threads each, with one tracker or with two: exactly the sum",
          "[P5][P13]") {
  const TempDirectory at(Medium::memory);
  const auto with_one = [&] {
    auto opened = CountTracker::open(at.file("s"), patient());
    std::atomic<int> status = opened ? 0 : 1;
    const auto often = [&] {
      for (unsigned i = 0; i < updates; ++i) {
        if (!opened.value().update(increment)) status = 2;
      }
    };
    std::thread other(often);
    often();
    other.join();
    return status.load();
  };
  const auto with_two = [&] {
    std::atomic<int> status = 0;
    std::thread other([&] { status = increment_often(at.file("s"), nullptr); });
    const int own = increment_often(at.file("s"), nullptr);
    other.join();
    return status == 0 ? own : status.load();
  };
  CHECK(run_all({with_one, with_two}));
  check_sum(at, 4 * updates);
}

TEST_CASE("a third who edits the file by hand in between: conflicts, and nothing is lost",
          "[P5][P13]") {
  const TempDirectory at(Medium::memory);
  constexpr unsigned edits = 20;
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  // The editor keeps others out while it edits, as `flock` would: what it overwrote unseen would be
  // lost by its own doing. It knows nothing else of perdure.
  const auto edit_often = [&] {
    const auto opened = open_file_store(at.file("s"));
    if (!opened) return 1;
    for (unsigned i = 0; i < edits; ++i) {
      const auto held = opened.value()->lock({std::chrono::milliseconds::max()});
      if (!held) return 2;
      const std::string text = at.get("s");
      const auto value = std::stoul(text.substr(text.find("\"value\": ") + 9));
      at.put("edited", "{\"value\": " + std::to_string(value + 1'000'000) + "}");
      std::filesystem::rename(at.file("edited"), at.file("s"));
    }
    return 0;
  };
  const auto work = [&] {
    std::atomic<unsigned> conflicts = 0;
    return increment_often(at.file("s"), &conflicts);
  };
  CHECK(run_all({work, work, edit_often}));
  check_sum(at, 1 + 2 * updates + edits * 1'000'000);
}
