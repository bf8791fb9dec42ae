// SPDX-License-Identifier: BSL-1.0
// A sync that returned success over a journal that is dead: how perdure asks, what each answer
// means, and the story itself on a real ext4.
#include "engine/confirm.hpp"

#include <cerrno>
#include <functional>
#include <optional>
#include <vector>

#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/result.hpp"

namespace perdure::test {
namespace {

using namespace perdure::testing;  // NOLINT: doubles

/// A directory like /tmp, and a file that its own owner may not write: neither inode can be asked.
struct Sticky {
  explicit Sticky(const Preset& preset = presets::ext4) : disk(preset) {
    disk.set_user({.user = 0, .group = 0, .umask = 0});
    disk.make_directories("tmp", 01777);
    disk.set_user({.user = 1000, .group = 1000});
  }
  Result<Receipt> commit(FileSystem& files, const Metadata& metadata) {
    WriteOptions options;
    options.metadata = metadata;
    return write_file("/tmp/a", as_bytes("new"), options, {&files, &environment});
  }
  SimulatedFileSystem disk;
  ManualEnvironment environment{1};
};

/// Does something before each sync of a directory.
struct BeforeDirectorySync final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> sync_directory(Handle directory) override {
    if (before) std::exchange(before, {})();
    return ForwardingFileSystem::sync_directory(directory);
  }
  std::function<void()> before;
};

}  // namespace

TEST_CASE("the directory is asked, then the temp, then for a file without a name", "[P4]") {
  Sticky place;
  FaultyFileSystem files(place.disk);
  SECTION("a file that its owner may write: two calls") {
    const auto done = place.commit(files, Metadata::fixed(0600));
    REQUIRE_OK(done);
    CHECK(done.value().confirmed);
    CHECK(files.calls(Operation::check_alive) == 2);
    CHECK(files.calls(Operation::create_unnamed) == 0);
  }
  SECTION("a file that nobody may write: a file without a name answers") {
    const auto done = place.commit(files, Metadata::fixed(0400));
    REQUIRE_OK(done);
    CHECK(done.value().confirmed);
    CHECK(files.calls(Operation::create_unnamed) == 1);
  }
  SECTION("a dead journal is told in each of these ways") {
    for (const std::uint32_t mode : {0600U, 0400U}) {
      Sticky dying;
      BeforeDirectorySync dead(dying.disk);
      dead.before = [&] { dying.disk.fail_journal(); };
      const auto done = dying.commit(dead, Metadata::fixed(mode));
      REQUIRE_FALSE(done);
      CHECK(done.error().fate == Fate::visible);
      CHECK(done.error().cause == std::errc::read_only_file_system);
    }
  }
}

TEST_CASE("each code of the question means healthy, dead or nothing", "[P4]") {
  SimulatedFileSystem disk;
  disk.make_directories("d");
  const Handle at = disk.open_directory(Handle::working_directory, "/d").value();
  const auto ask = [&](int error) {
    FaultyFileSystem files(disk);
    for (const Operation operation : {Operation::check_alive, Operation::create_unnamed}) {
      files.fail({.operation = operation, .error = error, .from_then_on = true});
    }
    return confirm_syncs(files, at, Handle::none, failed_syncs());
  };
  CHECK(confirm_syncs(disk, at, Handle::none, failed_syncs()).value());
  for (const int dead :
       {EROFS, EIO, EUCLEAN, ENODEV, ENXIO, ESHUTDOWN, ESTALE, ENOTCONN, ECONNABORTED}) {
    CAPTURE(dead);
    REQUIRE_FALSE(ask(dead));
    CHECK(ask(dead).error().value() == dead);
  }
  for (const int nothing :
       {EPERM, EACCES, EOPNOTSUPP, ENOSYS, EINVAL, ENOMEM, ENOSPC, EDQUOT, EINTR, EMFILE, ENFILE}) {
    CAPTURE(nothing);
    REQUIRE(ask(nothing));
    CHECK_FALSE(ask(nothing).value());
  }
}

TEST_CASE("a file system that can't be asked: the receipt says that nothing was confirmed",
          "[P4]") {
  SimulatedFileSystem disk;
  disk.make_directories("tmp");
  FaultyFileSystem files(disk);
  for (const Operation operation : {Operation::check_alive, Operation::create_unnamed}) {
    files.fail({.operation = operation, .error = EOPNOTSUPP, .from_then_on = true});
  }
  ManualEnvironment environment(1);
  const auto done = write_file("/tmp/a", as_bytes("new"), {}, {&files, &environment});
  REQUIRE_OK(done);
  CHECK_FALSE(done.value().confirmed);
}

TEST_CASE("a block that the kernel reported lost to another commit of this process is lost here",
          "[P4]") {
  // Without a journal the first sync of a directory is told, the next returns success.
  SimulatedFileSystem disk;
  disk.put("d/a", "old");
  disk.put("d/b", "old");
  disk.make_directories("e");
  disk.set_device("/e", 2);
  disk.put("e/b", "old");
  ManualEnvironment environment(1);
  const auto commit_beside = [&](const std::string& other) {
    BeforeDirectorySync files(disk);
    files.before = [&] {
      FaultyFileSystem faulty(disk);
      faulty.fail({.operation = Operation::sync_directory, .error = EIO});
      CHECK_FALSE(write_file(other, as_bytes("new"), {}, {&faulty, &environment}));
    };
    return write_file("/d/a", as_bytes("new"), {}, {&files, &environment});
  };
  SECTION("another file system object: nothing is known of it") {
    CHECK(commit_beside("/d/b"));
  }
  SECTION("the same, on the same device") {
    struct TellsOnce final : ForwardingFileSystem {
      using ForwardingFileSystem::ForwardingFileSystem;
      SysResult<void> sync_directory(Handle directory) override {
        if (inner) std::exchange(inner, {})();
        if (std::exchange(told, true)) return ForwardingFileSystem::sync_directory(directory);
        return std::error_code(EIO, std::generic_category());
      }
      std::function<void()> inner;
      bool told = false;
    };
    for (const auto& [other, lost] : {std::pair{"/d/b", true}, std::pair{"/e/b", false}}) {
      CAPTURE(other);
      TellsOnce files(disk);
      files.inner = [&, path = std::string(other)] {
        CHECK_FALSE(write_file(path, as_bytes("new"), {}, {&files, &environment}));
      };
      const auto done = write_file("/d/a", as_bytes("new"), {}, {&files, &environment});
      CHECK(done.has_value() != lost);
      if (!done) CHECK(done.error().fate == Fate::visible);
    }
  }
}

TEST_CASE("a real ext4 whose device is full dies in another program's sync, and the commit says so",
          "[P4]") {
  if (!can_mount()) return test::skip("this user may not mount");
  const TempDirectory at;
  for (const char* name : {"back", "mnt"}) boost::filesystem::create_directory(at / name);
  const Mount back({"-t", "tmpfs", "-o", "size=48M", "none", (at / "back").native()});
  if (!back.error().empty()) return test::skip(back.error());
  const std::string image = (at / "back/image").native();
  spit(image, "");
  boost::filesystem::resize_file(image, std::uintmax_t{40} << 20U);
  const auto made = run({"mkfs.ext4", "-q", "-F", "-E", "lazy_journal_init=1", image});
  if (made.status != 0) return test::skip("mkfs.ext4: " + made.said());
  const Mount disk({"-o", "loop", image, (at / "mnt").native()});
  if (!disk.error().empty()) return test::skip(disk.error());
  boost::filesystem::create_directory(at / "mnt/d");
  spit(at / "mnt/d/a", "old");
  spit(at / "mnt/other", "other");
  const std::string mounted = (at / "mnt").native();
  (void)run({"sync", "--file-system", mounted});
  BeforeDirectorySync files(native_file_system());
  files.before = [&] {
    const std::string fill = (at / "back/fill").native();
    (void)run({"fallocate", "--dig-holes", image});
    (void)run({"dd", "if=/dev/zero", "of=" + fill, "bs=64k"});
    (void)run({"dd", "if=/dev/zero", "of=" + fill + "2", "bs=4k"});
    (void)run({"chmod", "600", mounted + "/other"});
    CHECK(run({"sync", mounted + "/other"}).status != 0);  // this one is told
  };
  const auto done =
      write_file(at / "mnt/d/a", as_bytes("new"), {}, {&files, &native_environment()});
  REQUIRE_FALSE(done);
  CHECK(done.error().fate == Fate::visible);
  CHECK(done.error().cause == std::errc::read_only_file_system);
}

}  // namespace perdure::test
