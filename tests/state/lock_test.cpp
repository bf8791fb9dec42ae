// SPDX-License-Identifier: BSL-1.0
// Who may save beside whom: locks, conflicts, edits by hand.
#include "engine/lock.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"

using namespace perdure;
using namespace perdure::test;
using perdure::test::Contains;
using std::chrono::milliseconds;
using testing::Operation;

TEST_CASE("an exclusive lock is held as long as the tracker lives, and 0 refuses at once", "[P8]") {
  const TempDirectory at(Medium::memory);
  testing::ManualEnvironment time;
  const System system{&native_file_system(), &time};
  {
    auto owner = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
    REQUIRE(owner.update(increment));
    for (const auto lock : {TrackerLock::shared, TrackerLock::exclusive}) {
      const auto refused = CountTracker::open(
          at.file("s"), {.lock = lock, .lock_timeout_ms = milliseconds(0), .system = system});
      REQUIRE_FALSE(refused);
      CHECK(refused.error().kind == ErrorKind::lock_timeout);
      CHECK(refused.error().fate == Fate::unchanged);
      CHECK(time.sleeps() == 0);
    }
    REQUIRE(owner.update(increment));
  }
  CHECK(CountTracker::open(at.file("s"), {.lock_timeout_ms = milliseconds(0)}));
}

TEST_CASE("a lock is waited for as long as was said", "[P8]") {
  const TempDirectory at(Medium::memory);
  testing::ManualEnvironment time;
  const System system{&native_file_system(), &time};
  const auto owner = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
  const auto begin = time.monotonic();
  const auto refused =
      CountTracker::open(at.file("s"), {.lock_timeout_ms = milliseconds(2500), .system = system});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::lock_timeout);
  CHECK(time.monotonic() - begin == milliseconds(2500));
}

namespace {

/// Time that runs fast, and frees a lock after so many sleeps.
class LateRelease final : public Environment {
 public:
  LateRelease(OwnedHandle& held, int sleeps) : held_(held), left_(sleeps) {}
  SysResult<void> random(std::span<std::byte>) override { return success(); }
  std::chrono::nanoseconds monotonic() override { return now_; }
  std::chrono::nanoseconds wall() override { return now_; }
  void sleep(std::chrono::nanoseconds time) override {
    CHECK(time > std::chrono::nanoseconds(0));
    CHECK(time < std::chrono::seconds(1));
    now_ += std::chrono::hours(24 * 365);
    if (--left_ == 0) held_.reset();
  }

 private:
  OwnedHandle& held_;
  int left_;
  std::chrono::nanoseconds now_{};
};

}  // namespace

// Found in review: the longest timeout was multiplied into nanoseconds, overflowed, and timed out
// at once.
TEST_CASE("a timeout of milliseconds::max() waits forever", "[P8]") {
  const TempDirectory at(Medium::memory);
  FileSystem& files = native_file_system();
  const OwnedHandle directory(
      files, files.open_directory(Handle::working_directory, at.path().native()).value());
  OwnedHandle held = take_lock(files, native_environment(), directory.get(), "s",
                               LockMode::exclusive, {milliseconds(0)})
                         .value();
  LateRelease years(held, 200);
  CHECK(take_lock(files, years, directory.get(), "s", LockMode::exclusive, {milliseconds::max()}));
}

TEST_CASE("a failed save of one tracker does not disturb the other's numbers") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  auto one = CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  auto two = CountTracker::open(at.file("s")).value();
  REQUIRE(one.update(increment));
  faulty.restart();
  faulty.fail({.operation = Operation::write_at, .call = 1, .error = ENOSPC});
  REQUIRE_FALSE(one.update(increment));
  REQUIRE(two.update(increment));
  REQUIRE(one.update(increment));
  CHECK(one.state()->value == 3);
  CHECK(one.generation() > two.generation());
}

namespace {

/// Somebody writes into the state, in place and with the time set back, before a save is published.
class EditInSync final : public ForwardingFileSystem {
 public:
  explicit EditInSync(std::string path)
      : ForwardingFileSystem(native_file_system()), path_(std::move(path)) {}
  bool armed = false;

  SysResult<void> sync_file(Handle file) override {
    if (std::exchange(armed, false)) edit();
    return ForwardingFileSystem::sync_file(file);
  }

 private:
  void edit() const {
    struct stat before {};
    REQUIRE(::stat(path_.c_str(), &before) == 0);
    const int file = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(::pwrite(file, "edited", 6, 0) == 6);
    const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
    REQUIRE(::futimens(file, times.data()) == 0);
    ::close(file);
  }

  std::string path_;
};

}  // namespace

// Found in review: before the link to the previous generation only size and mtime were compared,
// since a link changes the ctime. The edit was overwritten, and kept under a generation's number.
TEST_CASE("an edit in place that sets the time back is a conflict for a save under way", "[P13]") {
  for (const std::uint32_t kept : {0U, 1U}) {
    CAPTURE(kept);
    const TempDirectory at(Medium::memory);
    EditInSync files(at.file("s"));
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = kept,
                                                     .system = {&files, &native_environment()}})
                       .value();
    REQUIRE(tracker.update(increment));
    files.armed = true;
    const auto refused = tracker.update(increment);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::conflict);
    CHECK(refused.error().fate == Fate::unchanged);
    CHECK(at.get("s").starts_with("edited"));
    CHECK(at.names() == std::vector<std::string>{"s"});
    CHECK(tracker.state()->value == 1);
  }
}

TEST_CASE("an edit by hand of a stamped file is a conflict, and how to accept it is said") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  std::string text = at.get("s");
  text.replace(text.find("\"value\": 1"), 10, "\"value\": 7");
  at.put("s", text);
  const auto refused = tracker.update(increment);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(refused.error().fate == Fate::unchanged);
  CHECK(at.get("s") == text);
  const auto reloaded = tracker.reload();
  REQUIRE_FALSE(reloaded);
  CHECK(reloaded.error().kind == ErrorKind::corrupt);
  CHECK(at.get("s") == text);
  CHECK(tracker.state()->value == 1);
}

TEST_CASE("an edit by hand that took the stamp out is a conflict until reload takes it") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  REQUIRE(tracker.update(increment));
  at.put("s", "{\"value\": 70}\n");
  const auto refused = tracker.update(increment);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(at.get("s") == "{\"value\": 70}\n");
  REQUIRE(tracker.reload());
  REQUIRE(tracker.update(increment));
  CHECK(tracker.state()->value == 71);
  CHECK(tracker.generation() > 2);
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 71);
}

TEST_CASE("an older copy put back by hand is a conflict until reload takes it") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  const std::string old = at.get("s");
  REQUIRE(tracker.update(increment));
  at.put("s", old);
  const auto refused = tracker.update(increment);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  REQUIRE(tracker.reload());
  CHECK(tracker.state()->value == 1);
  REQUIRE(tracker.update(increment));  // .s.1.perdure-prev is there, with the same content
  CHECK(tracker.generation() > 1000);  // others may have saved more that is lost
  CHECK(at.names_with("damaged").empty());
}

TEST_CASE("a file that was removed under a running tracker is a conflict") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  at.remove("s");
  const auto refused = tracker.update(increment);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(refused.error().fate == Fate::unchanged);
  CHECK(tracker.state()->value == 1);
}

TEST_CASE(
    "reload keeps the newer state in memory when the file was removed, and rewrite commits it") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  REQUIRE(tracker.update(increment));  // the previous generation has 1
  at.remove("s");
  const auto reloaded = tracker.reload();
  REQUIRE_FALSE(reloaded);
  CHECK(reloaded.error().kind == ErrorKind::conflict);
  CHECK(tracker.state()->value == 2);
  CHECK_FALSE(tracker.update(increment));
  REQUIRE(tracker.rewrite());
  CHECK(tracker.state()->value == 2);
  CHECK(tracker.generation() > 1000);  // others may have saved more that is lost
  REQUIRE(tracker.update(increment));
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 3);
}

TEST_CASE("rewrite leaves a change by others alone") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  REQUIRE(tracker.rewrite());
  CHECK(tracker.generation() == 2);
  at.put("s", "{\"value\": 70}\n");
  const auto refused = tracker.rewrite();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(at.get("s") == "{\"value\": 70}\n");
}

TEST_CASE("a change of the mode alone does not conflict, and is kept") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  std::filesystem::permissions(at.file("s"), std::filesystem::perms(0640));
  REQUIRE(tracker.update(increment));
  CHECK(std::filesystem::status(at.file("s")).permissions() == std::filesystem::perms(0640));
}

namespace {

/// Puts another file in the target's place right before the name for the previous generation.
class LateEditor final : public ForwardingFileSystem {
 public:
  LateEditor(FileSystem& base, const TempDirectory& at) : ForwardingFileSystem(base), at_(at) {}
  bool armed = false;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (armed) {
      at_.put("editor", "{\"value\": 50}\n");
      std::filesystem::rename(at_.file("editor"), at_.file("s"));
    }
    return base().link(from_directory, from, to_directory, to);
  }

 private:
  const TempDirectory& at_;
};

}  // namespace

TEST_CASE("an editor in the middle of a save is a conflict, and does not become a previous one") {
  const TempDirectory at(Medium::memory);
  LateEditor editor(native_file_system(), at);
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&editor, &native_environment()}}).value();
  REQUIRE(tracker.update(increment));
  editor.armed = true;
  const auto refused = tracker.update(increment);
  editor.armed = false;
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(at.get("s") == "{\"value\": 50}\n");
  CHECK(at.names() == std::vector<std::string>{"s"});
  REQUIRE(tracker.reload());
  REQUIRE(tracker.update(increment));
  CHECK(tracker.state()->value == 51);
}
