// SPDX-License-Identifier: BSL-1.0
// Processes that save a state are killed, at random moments and before every single call; what they
// were told is durable is there.
#include <array>
#include <csignal>
#include <optional>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <perdure/clean.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// Kills its process right before the call with that number, counted from `arm`.
class Deadly final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  void arm(std::uint64_t call) { left_ = call; }

  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    step();
    return base().create(directory, name, mode);
  }
  SysResult<Handle> open_lock(Handle directory, const std::string& name) override {
    step();
    return base().open_lock(directory, name);
  }
  SysResult<void> try_lock(Handle file, LockMode mode) override {
    step();
    return base().try_lock(file, mode);
  }
  SysResult<void> close(Handle handle) override {
    step();
    return base().close(handle);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    step();
    if (left_ == 0 && bytes.size() > 1) return base().write_at(file, offset, bytes);
    const auto half = base().write_at(file, offset, bytes.first(bytes.size() / 2 + 1));
    step();
    return half;
  }
  SysResult<void> sync_file(Handle file) override {
    step();
    return base().sync_file(file);
  }
  SysResult<void> sync_directory(Handle directory) override {
    step();
    return base().sync_directory(directory);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    step();
    return base().rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    step();
    return base().link(from_directory, from, to_directory, to);
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    step();
    return base().unlink(directory, name);
  }

 private:
  void step() {
    if (left_ != 0 && --left_ == 0) ::kill(::getpid(), SIGKILL);
  }
  std::uint64_t left_ = 0;
};

struct Acknowledged {
  std::uint64_t generation = 0;
  std::uint64_t value = 0;
};

/// Saves until it is killed, and says through the pipe what it was told is durable. With `call`, it
/// dies before that call of its third save.
[[noreturn]] void save_until_killed(const std::string& path, std::uint64_t call, int pipe) {
  Deadly deadly(native_file_system());
  auto opened = CountTracker::open(path, {.system = {&deadly, &native_environment()}});
  if (!opened) std::_Exit(1);
  auto& tracker = opened.value();
  for (int i = 0;; ++i) {
    if (call != 0 && i == 2) deadly.arm(call);
    if (call != 0 && i == 3) std::_Exit(2);  // a save has fewer calls than that
    if (!tracker.update(increment)) std::_Exit(1);
    const Acknowledged told{tracker.generation(), tracker.state()->value};
    if (::write(pipe, &told, sizeof told) != sizeof told) std::_Exit(1);
  }
}

/// The rest of the pipe: the last thing that was acknowledged.
Acknowledged drain(int pipe, Acknowledged last) {
  Acknowledged told;
  while (::read(pipe, &told, sizeof told) == sizeof told) last = told;
  return last;
}

/// Runs a saver until it dies. False when it ended by itself: `call` is beyond the end of a save.
bool run_and_kill(const std::string& path, std::uint64_t call, std::chrono::microseconds delay,
                  Acknowledged& last) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    save_until_killed(path, call, ends[1]);
  }
  ::close(ends[1]);
  if (call == 0) {
    std::this_thread::sleep_for(delay);  // a random moment; whatever it hits must hold
    ::kill(child, SIGKILL);
  }
  last = drain(ends[0], last);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 2);
  return WIFSIGNALED(status);
}

/// The state after a kill: at least what was acknowledged, at most one save more.
void check_after_kill(const TempDirectory& at, const Acknowledged& last, std::uint64_t& highest) {
  const auto opened = CountTracker::open(at.file("s"));
  REQUIRE(opened);
  const auto& tracker = opened.value();
  REQUIRE((tracker.report().origin == Origin::current || last.value == 0));
  const auto value = tracker.state()->value;
  REQUIRE((value == last.value || value == last.value + 1));
  REQUIRE(tracker.generation() >= last.generation);
  REQUIRE(tracker.generation() >= highest);
  highest = tracker.generation();
  REQUIRE(at.names_with("damaged").empty());
}

}  // namespace

TEST_CASE("300 kills: what was acknowledged is there, numbers never repeat or go back", "[P13]") {
  const TempDirectory at(
      Medium::memory);  // in memory: a kill loses no more on a disk than it does there
  std::mt19937 random(20260124);
  std::uniform_int_distribution<int> delay(0, 6000);
  Acknowledged last;
  std::uint64_t highest = 0;
  unsigned kills = 0;
  std::uint64_t calls_of_save = 0;
  for (std::uint64_t call = 1; kills < 300;) {
    // Every second one at a chosen call, from the first of a save to the last, again and again.
    const bool chosen = kills % 2 == 1;
    const std::uint64_t before = last.generation;
    if (!run_and_kill(at.file("s"), chosen ? call : 0, std::chrono::microseconds(delay(random)),
                      last)) {
      calls_of_save = call - 1;
      call = 1;
      continue;
    }
    ++kills;
    if (chosen) ++call;
    REQUIRE(last.generation >= before);
    check_after_kill(at, last, highest);
    last.value = CountTracker::open(at.file("s")).value().state()->value;
  }
  CHECK(calls_of_save > 8);
  const auto swept = clean(at.path().native()).value();
  CHECK(swept.live.empty());
  CHECK(at.names_with("perdure-tmp").empty());
  CHECK(at.names_with("perdure-prev").size() <= 3);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  CHECK(at.names_with("perdure-prev").size() == 1);
}
