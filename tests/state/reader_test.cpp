// SPDX-License-Identifier: BSL-1.0
// Who only looks at a state needs no lock and no write permission, and leaves no trace.
#include <atomic>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <perdure/envelope.hpp>
#include <perdure/state_reader.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "support/settled.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// A disk that counts, and on which nothing can be changed.
struct ReadOnly final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<Handle> create(Handle, const std::string&, std::uint32_t) override { return refused(); }
  SysResult<Handle> create_unnamed(Handle, std::uint32_t) override { return refused(); }
  SysResult<Handle> open_lock(Handle, const std::string&) override { return refused(); }
  SysResult<void> sync_file(Handle) override { return refused(); }
  SysResult<void> sync_directory(Handle) override { return refused(); }
  SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                 std::span<std::byte> out) override {
    ++reads;
    return ForwardingFileSystem::read_at(file, offset, out);
  }
  static std::error_code refused() {
    return std::make_error_code(std::errc::read_only_file_system);
  }
  unsigned reads = 0;
};

using CountReader = StateReader<Count>;

}  // namespace

TEST_CASE("a reader takes no lock, changes nothing, and sees what others save") {
  const TempDirectory at;
  auto tracker = CountTracker::open(at.file("s"), {.lock = TrackerLock::exclusive}).value();
  REQUIRE_OK(tracker.update(increment));
  ReadOnly disk(native_file_system());
  auto reader = CountReader::open(at.file("s"), {.system = {&disk, &native_environment()}});
  REQUIRE_OK(reader);
  CHECK(reader.value().state()->value == 1);
  CHECK(reader.value().generation() == 1);
  CHECK(reader.value().changed().value() == false);
  const auto before = reader.value().state();
  REQUIRE_OK(tracker.update(increment));
  CHECK(reader.value().changed().value() == true);
  CHECK(reader.value().reload().value() == true);
  CHECK(reader.value().state()->value == 2);
  CHECK(reader.value().generation() == 2);
  CHECK(before->value == 1);
}

TEST_CASE("a reader that reloads an unchanged state reads nothing") {
  const TempDirectory at;
  REQUIRE_OK(CountTracker::open(at.file("s")).value().update(increment));
  ReadOnly disk(native_file_system());
  auto reader = CountReader::open(at.file("s"), {.system = {&disk, &native_environment()}}).value();
  settle_stamps(at.path());
  (void)reader.reload();  // on a coarse clock the first look reads
  const unsigned reads = disk.reads;
  CHECK(reader.reload().value() == false);
  CHECK(disk.reads == reads);
}

TEST_CASE("a state that a reader can't have is an error, and stays where it is") {
  const TempDirectory at;
  const auto missing = load_state<Count>(at.file("s"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().cause == std::errc::no_such_file_or_directory);
  CHECK_THAT(missing.error().message(), Contains(at.file("s")));
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    for (int i = 0; i < 2; ++i) REQUIRE_OK(tracker.update(increment));
  }
  auto reader = CountReader::open(at.file("s")).value();
  spit(at.file("s"), "{\"value\": 7, ");
  const auto damaged = reader.reload();
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().kind == ErrorKind::corrupt);
  CHECK_THAT(damaged.error().message(), Contains(at.file("s")) && !Contains("target"));
  CHECK(reader.state()->value == 2);
  CHECK(slurp(at.file("s")) == "{\"value\": 7, ");
  fs::remove(at.file("s"));
  const auto gone = reader.changed();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().cause == std::errc::no_such_file_or_directory);
  CHECK(CountReader::open(at.file("s"), {.size_max = 3}).error().kind != ErrorKind::corrupt);
}

TEST_CASE("load_state reads a state once, in any format") {
  const TempDirectory at;
  using Compact = Envelope<Json<Count>>;
  REQUIRE_OK((StateTracker<Count, Compact>::open(at.file("s")).value().update(increment)));
  const auto loaded = load_state<Count, Compact>(at.file("s"));
  REQUIRE_OK(loaded);
  CHECK(loaded.value().value->value == 1);
  CHECK(loaded.value().stamp.generation == 1);
  spit(at.file("t"), "{\"value\": 5}");
  CHECK(load_state<Count>(at.file("t")).value().stamp.generation == 0);
}

TEST_CASE("a reader beside a writer sees whole states alone, in their order") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE_OK(tracker.update(increment));
  std::atomic<int> failed = 0;
  std::thread writing([&] {
    for (int i = 0; i < 300; ++i) {
      if (!tracker.update(increment)) ++failed;
    }
  });
  auto reader = CountReader::open(at.file("s")).value();
  std::uint64_t last = 0;
  bool fine = true;
  while (last < 301 && fine && failed == 0) {
    fine = reader.reload() && reader.generation() == reader.state()->value &&
           reader.generation() >= last;
    last = reader.generation();
  }
  writing.join();
  CHECK(fine);
  CHECK(failed == 0);
  CHECK(last == 301);
}

TEST_CASE("a tracker tells whether others changed its state, and reads no other one again") {
  const TempDirectory at;
  struct Counting final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                   std::span<std::byte> out) override {
      ++reads;
      return ForwardingFileSystem::read_at(file, offset, out);
    }
    unsigned reads = 0;
  };
  Counting files(native_file_system());
  auto one = CountTracker::open(at.file("s"), {.system = {&files, &native_environment()}}).value();
  CHECK(one.changed().value() == false);
  REQUIRE_OK(one.update(increment));
  CHECK(one.changed().value() == false);
  settle_stamps(at.path());
  (void)one.reload();  // on a coarse clock this look reads
  const unsigned reads = files.reads;
  REQUIRE_OK(one.reload());
  CHECK(files.reads == reads);
  auto other = CountTracker::open(at.file("s")).value();
  REQUIRE_OK(other.update(increment));
  CHECK(one.changed().value() == true);
  CHECK(one.state()->value == 1);
  REQUIRE_OK(one.reload());
  CHECK(one.state()->value == 2);
  fs::remove(at.file("s"));
  CHECK(one.changed().value() == true);
}

// Found in review: the tracker refused it, and the reader took it for the state.
TEST_CASE("a reader does not believe another user's file in a sticky directory") {
  if (::geteuid() != 0) return skip("it takes root to make another user's file");
  const TempDirectory at;
  fs::create_directory(at / "tmp");
  REQUIRE(::chmod(at.file("tmp").c_str(), 01777) == 0);
  spit(at.file("tmp/s"), "{\"value\": 7}");
  CHECK(load_state<Count>(at.file("tmp/s")));
  REQUIRE(::chown(at.file("tmp/s").c_str(), 12345, 12345) == 0);
  const auto refused = load_state<Count>(at.file("tmp/s"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::untrusted);
}
