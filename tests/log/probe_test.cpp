// SPDX-License-Identifier: BSL-1.0
// probe and Root::open say the same of a directory, and the device counts the flushes that it says.
#include <perdure/probe.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "../transaction/tree.hpp"
#include "support/claiming.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

FileSystemInfo info_of(std::string type, bool sync_reports) {
  FileSystemInfo info;
  info.type = std::move(type);
  info.sync_reports = sync_reports;
  return info;
}

struct Timeless final : Claiming {
  Timeless() : Claiming(good_ext4()) {}
  SysResult<Status> stat(Handle handle) override { return without_birth(Claiming::stat(handle)); }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return without_birth(Claiming::stat_at(directory, name));
  }
  static SysResult<Status> without_birth(SysResult<Status> status) {
    if (status) status.value().version.birth_ns = 0;
    return status;
  }
};

struct StampedElsewhere final : Claiming {
  StampedElsewhere() : Claiming(good_ext4()) {}
  Stamps stamps(Handle /*handle*/, const Status& /*status*/) override { return Stamps::foreign; }
};

struct Unlocked final : Claiming {
  Unlocked() : Claiming(good_ext4()) {}
  SysResult<void> try_lock(Handle /*file*/, LockMode /*mode*/) override {
    return std::make_error_code(std::errc::not_supported);
  }
};

struct Unsynced final : Claiming {
  Unsynced() : Claiming(good_ext4()) {}
  SysResult<void> sync_directory(Handle /*directory*/) override {
    return std::make_error_code(std::errc::invalid_argument);
  }
};

RootOptions small_log(FileSystem& files) {
  RootOptions options;
  options.segment_size = 64 << 10;
  options.system.files = &files;
  return options;
}

LogProbe log_of(const TempDirectory& at, FileSystem& files) {
  const auto report = probe(at.path(), {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(report);
  return report.value().log;
}

}  // namespace

TEST_CASE("a log that probe refuses can't be opened, for the same reason") {
  Timeless timeless;
  StampedElsewhere elsewhere;
  Claiming silent(info_of("f2fs", false));
  for (FileSystem* files :
       {static_cast<FileSystem*>(&timeless), static_cast<FileSystem*>(&elsewhere),
        static_cast<FileSystem*>(&silent)}) {
    const TempDirectory at;
    const LogProbe log = log_of(at, *files);
    CAPTURE(log.reason);
    CHECK_FALSE(log.protocol.has_value());
    const auto opened = Root::open(at.path(), small_log(*files));
    REQUIRE_FAILS(unsupported, unchanged, opened);
    CHECK_THAT(opened.error().detail, Catch::Matchers::StartsWith(log.reason));
    CHECK(list(at.path()).empty());
  }
}

TEST_CASE("a directory without locks or syncs has no log, says probe, and no root opens there") {
  Unlocked unlocked;
  Unsynced unsynced;
  for (FileSystem* files :
       {static_cast<FileSystem*>(&unlocked), static_cast<FileSystem*>(&unsynced)}) {
    const TempDirectory at;
    const LogProbe log = log_of(at, *files);
    CHECK_FALSE(log.protocol.has_value());
    CHECK_FALSE(log.reason.empty());
    CHECK_FALSE(Root::open(at.path(), small_log(*files)).has_value());
  }
}

TEST_CASE("files of a log get their names in order where fast is allowed, and in none elsewhere") {
  const TempDirectory at;
  Claiming ext4(good_ext4());
  CHECK(log_of(at, ext4).protocol == Protocol::fast);
  Claiming other(info_of("f2fs", true));
  const LogProbe log = log_of(at, other);
  CHECK(log.protocol == Protocol::whole);
  CHECK_FALSE(log.flushes.has_value());
  CHECK_THAT(log.reason, Contains("f2fs"));
  FileSystemInfo dangerous = good_ext4();
  dangerous.sync_reports = true;
  dangerous.mount_options.emplace_back("nobarrier");
  Claiming without_barriers(dangerous);
  CHECK(log_of(at, without_barriers).flushes == 0U);
}

TEST_CASE("probe names the size of the log, and the flushes that the device counts", "[budget]") {
  for (const DiskKind& kind : {ext4_disk, xfs_disk, btrfs_disk}) {
    const Disk disk(kind);
    if (!disk.error().empty()) return skip(kind.name + ": " + disk.error());
    CAPTURE(kind.name);
    const auto report = probe(disk.path());
    REQUIRE_OK(report);
    const LogProbe& log = report.value().log;
    REQUIRE(log.flushes.has_value());
    auto root = Root::open(disk.path());
    REQUIRE_OK(root);
    CHECK(boost::filesystem::file_size(disk.path() / ".perdure/log") == log.size);
    REQUIRE_OK(root.value().put("target", "first"));
    disk.sync();
    constexpr std::uint64_t commits = 50;
    const auto before = disk.flushes();
    for (std::uint64_t i = 0; i < commits; ++i) {
      REQUIRE_OK(root.value().put("target", std::string(4096, 'x')));
    }
    const double each = static_cast<double>(disk.flushes() - before) / commits;
    CAPTURE(each);
    // A file system flushes now and then for itself.
    CHECK(each >= *log.flushes);
    CHECK(each <= *log.flushes + 0.3);
    REQUIRE_OK(root.value().close());
  }
}
