// SPDX-License-Identifier: BSL-1.0
// The protocol `fast`: where it is allowed, what it costs, and that nothing claims it that is not.
#include "engine/protocol.hpp"

#include <fcntl.h>
#include <functional>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/claiming.hpp"
#include "support/disk.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Claiming;
using test::Disk;
using test::good_ext4;
using test::TempDirectory;

namespace {

FileSystemInfo good_xfs() {
  FileSystemInfo info;
  info.type = "xfs";
  info.mount_options = {"rw", "relatime", "attr2", "inode64", "noquota"};
  info.journal = JournalPlace::internal;
  info.realtime = false;
  info.dax = false;
  info.writeback_awaited = true;
  return info;
}

const std::vector<std::string>& mkfs_ext4 = test::ext4_disk.mkfs;

std::vector<std::string> ext4_with(const std::vector<std::string>& more) {
  std::vector<std::string> command = mkfs_ext4;
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

WriteOptions by(ProtocolChoice protocol) {
  WriteOptions options;
  options.protocol = protocol;
  return options;
}

/// A file system on which all is well, but for one thing.
struct Condition {
  std::string condition;
  FileSystemInfo base;
  std::function<void(FileSystemInfo&)> change;
};

std::vector<Condition> broken_conditions() {
  const auto option = [](const char* name) {
    return [name](FileSystemInfo& info) { info.mount_options.emplace_back(name); };
  };
  const auto kernel_option = [](const char* name) {
    return [name](FileSystemInfo& info) { info.kernel_options.emplace_back(name); };
  };
  return {
      {"ext3", good_ext4(), [](FileSystemInfo& info) { info.type = "ext3"; }},
      {"overlay", good_ext4(), [](FileSystemInfo& info) { info.type = "overlay"; }},
      {"fuse", good_xfs(), [](FileSystemInfo& info) { info.type = "fuse.ext4"; }},
      {"nfs", good_xfs(), [](FileSystemInfo& info) { info.type = "nfs4"; }},
      {"btrfs", good_xfs(), [](FileSystemInfo& info) { info.type = "btrfs"; }},
      {"mountinfo alone", good_ext4(), [](FileSystemInfo& info) { info.kernel_options.clear(); }},
      {"barriers unknown", good_ext4(),
       [](FileSystemInfo& info) {
         info.kernel_options = {"rw", "delalloc"};
       }},
      {"nobarrier", good_ext4(), kernel_option("nobarrier")},
      {"nobarrier in mountinfo", good_ext4(), option("nobarrier")},
      {"barrier=0", good_ext4(),
       [](FileSystemInfo& info) {
         info.kernel_options = {"rw", "barrier=0"};
       }},
      {"journal_async_commit", good_ext4(), kernel_option("journal_async_commit")},
      {"external journal", good_ext4(),
       [](FileSystemInfo& info) { info.journal = JournalPlace::external; }},
      {"no journal", good_ext4(), [](FileSystemInfo& info) { info.journal = JournalPlace::none; }},
      {"journal unknown", good_ext4(),
       [](FileSystemInfo& info) { info.journal = JournalPlace::unknown; }},
      {"journal_path", good_ext4(), option("journal_path=/dev/sdb1")},
      {"fast commits", good_ext4(), [](FileSystemInfo& info) { info.fast_commit = true; }},
      {"fast commits unknown", good_ext4(), [](FileSystemInfo& info) { info.fast_commit.reset(); }},
      {"dax", good_ext4(), option("dax")},
      {"dax=always", good_ext4(), kernel_option("dax=always")},
      {"behind an option that is harmless", good_ext4(),
       [](FileSystemInfo& info) {
         info.mount_options.insert(info.mount_options.end(), {"dax=never", "journal_async_commit"});
       }},
      {"xfs, behind an option that is harmless", good_xfs(),
       [](FileSystemInfo& info) {
         info.mount_options.insert(info.mount_options.end(), {"dax=inode", "rtdev=/dev/sdc1"});
       }},
      {"xfs with nobarrier", good_xfs(), option("nobarrier")},
      {"xfs with an external log", good_xfs(), option("logdev=/dev/sdb1")},
      {"xfs, log unknown", good_xfs(),
       [](FileSystemInfo& info) { info.journal = JournalPlace::unknown; }},
      {"xfs with a realtime device", good_xfs(), option("rtdev=/dev/sdc1")},
      {"xfs, realtime directory", good_xfs(), [](FileSystemInfo& info) { info.realtime = true; }},
      {"xfs, realtime unknown", good_xfs(), [](FileSystemInfo& info) { info.realtime.reset(); }},
      {"xfs with dax", good_xfs(), option("dax=always")},
      {"directory with dax", good_ext4(), [](FileSystemInfo& info) { info.dax = true; }},
      {"dax of the directory unknown", good_ext4(), [](FileSystemInfo& info) { info.dax.reset(); }},
      {"xfs, directory with dax", good_xfs(), [](FileSystemInfo& info) { info.dax = true; }},
      {"xfs, dax of the directory unknown", good_xfs(),
       [](FileSystemInfo& info) { info.dax.reset(); }},
      {"a kernel before 5.2", good_ext4(),
       [](FileSystemInfo& info) { info.writeback_awaited = false; }},
      {"xfs, a kernel before 5.2", good_xfs(),
       [](FileSystemInfo& info) { info.writeback_awaited = false; }},
  };
}

}  // namespace

TEST_CASE("the allow-list: each condition by itself, and what is not known is refused", "[P3]") {
  CHECK(allows_fast(good_ext4()).allowed);
  CHECK(allows_fast(good_xfs()).allowed);
  CHECK_FALSE(allows_fast({}).allowed);
  FileSystemInfo without_dax = good_ext4();
  without_dax.mount_options.emplace_back("dax=never");
  CHECK(allows_fast(without_dax).allowed);
  for (const Condition& row : broken_conditions()) {
    FileSystemInfo info = row.base;
    row.change(info);
    const ProtocolCheck check = allows_fast(info);
    CAPTURE(row.condition, check.reason);
    CHECK_FALSE(check.allowed);
    CHECK_FALSE(check.reason.empty());
  }
}

TEST_CASE("real file systems are read, not guessed: each option that breaks fast is seen", "[P3]") {
  struct Row {
    std::string name;
    std::uintmax_t mib;
    std::vector<std::string> mkfs;
    std::string mount_options;
    Protocol expected;
    std::string reason;
  };
  const std::vector<Row> rows{
      {"ext4", 32, mkfs_ext4, "", Protocol::fast, "barriers"},
      {"ext4, data=journal", 64, mkfs_ext4, "data=journal", Protocol::fast, "barriers"},
      {"ext4, data=writeback", 32, mkfs_ext4, "data=writeback", Protocol::fast, "barriers"},
      {"ext4, nobarrier", 32, mkfs_ext4, "nobarrier", Protocol::portable, "barrier"},
      {"ext4, async", 32, mkfs_ext4, "data=writeback,journal_async_commit", Protocol::portable,
       "journal_async_commit"},
      {"ext4, no journal", 32, ext4_with({"-O", "^has_journal"}), "", Protocol::portable,
       "journal"},
      {"ext4, fast commits", 64, ext4_with({"-O", "fast_commit"}), "", Protocol::portable,
       "fast commits"},
      {"xfs", 320, {"mkfs.xfs", "-q", "-f"}, "", Protocol::fast, "one device"},
      {"btrfs", 128, {"mkfs.btrfs", "-q", "-f"}, "", Protocol::portable, "btrfs"},
  };
  std::string missing;  // what this machine can't make; the others are looked at all the same
  for (const Row& row : rows) {
    const Disk disk(row.mib, row.mkfs, row.mount_options);
    CAPTURE(row.name, row.mount_options);
    if (!disk.error().empty()) {
      missing += row.name + ": " + disk.error() + "\n";
      continue;
    }
    const auto report = probe(disk.path());
    REQUIRE_OK(report);
    CAPTURE(report.value().reason);
    CHECK(report.value().protocol == row.expected);
    CHECK(report.value().protocol_of_many ==
          (row.name == "btrfs" ? Protocol::whole : row.expected));
    CHECK(report.value().reason.find(row.reason) != std::string::npos);
    const auto done = write_file(disk.path() / "target", "new", by(ProtocolChoice::automatic));
    REQUIRE_OK(done);
    CHECK(done.value().protocol == row.expected);
    CHECK(done.value().durability == Durability::durable);
    const auto fast = write_file(disk.path() / "target", "newer", by(ProtocolChoice::fast));
    CHECK(fast.has_value() == (row.expected == Protocol::fast));
  }
  if (!missing.empty()) test::skip(missing);
}

TEST_CASE("an external journal is seen", "[P3]") {
  const test::Loop journal(32);
  if (!journal.error().empty()) return test::skip(journal.error());
  const auto made = test::run({"mkfs.ext4", "-q", "-F", "-O", "journal_dev", journal.device()});
  if (made.status != 0) return test::skip("mkfs.ext4: " + made.said());
  const Disk disk(64, ext4_with({"-J", "device=" + journal.device()}));
  if (!disk.error().empty()) return test::skip(disk.error());
  const auto report = probe(disk.path());
  REQUIRE_OK(report);
  CAPTURE(report.value().reason);
  CHECK(report.value().protocol == Protocol::portable);
}

// The superblock said no, and for those who may read it that was the end of the matter.
TEST_CASE("fast commits are seen after tune2fs took the feature from a mounted file system",
          "[P3]") {
  const Disk disk(64, ext4_with({"-O", "fast_commit"}));
  if (!disk.error().empty()) return test::skip(disk.error());
  const auto tuned = test::run({"tune2fs", "-O", "^fast_commit", disk.device()});
  if (tuned.status != 0) return test::skip("tune2fs: " + tuned.said());
  const auto report = probe(disk.path());
  REQUIRE_OK(report);
  CAPTURE(report.value().reason);
  CHECK(report.value().file_system.fast_commit == true);
  CHECK(report.value().protocol == Protocol::portable);
}

TEST_CASE("the flag for DAX of a directory is seen", "[P3]") {
  for (const test::DiskKind& kind : {test::ext4_disk, test::xfs_disk}) {
    const Disk disk(kind);
    if (!disk.error().empty()) return test::skip(kind.name + ": " + disk.error());
    CHECK(probe(disk.path()).value().protocol == Protocol::fast);
    const int fd = ::open(disk.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    fsxattr flags{};
    const bool got = ::ioctl(fd, FS_IOC_FSGETXATTR, &flags) == 0;
    flags.fsx_xflags |= FS_XFLAG_DAX;
    const bool set = got && ::ioctl(fd, FS_IOC_FSSETXATTR, &flags) == 0;
    ::close(fd);
    if (!set) return test::skip("this kernel takes no flag for DAX on " + kind.name);
    const auto report = probe(disk.path());
    REQUIRE_OK(report);
    CAPTURE(kind.name, report.value().reason);
    CHECK(report.value().protocol == Protocol::portable);
    CHECK(report.value().reason.find("DAX") != std::string::npos);
  }
}

TEST_CASE("another user than root gets a true answer, too: allowed or not, never a guess", "[P3]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const Disk disk(64, ext4_with({"-O", "fast_commit"}));
  if (!disk.error().empty()) return test::skip(disk.error());
  REQUIRE(::chmod(disk.path().c_str(), 01777) == 0);
  test::Child child([&]() -> std::string {
    if (::setresuid(1234, 1234, 1234) != 0) return "setresuid";
    const auto refused = write_file(disk.path() / "target", "new", by(ProtocolChoice::fast));
    return refused ? "accepted" : "refused";
  });
  CHECK(child.said() == "refused");
}

TEST_CASE("device flushes of a durable commit: portable at most 4, fast at most 2, ordered none",
          "[P20][budget]") {
  for (const test::DiskKind& kind : {test::ext4_disk, test::xfs_disk}) {
    const Disk disk(kind);
    if (!disk.error().empty()) return test::skip(kind.name + ": " + disk.error());
    const auto flushes_of = [&](const WriteOptions& options) {
      constexpr std::uint64_t commits = 50;
      const auto writer = AtomicWriter::bind(disk.path(), options);
      REQUIRE_OK(writer);
      REQUIRE_OK(writer.value().commit("target", "first"));
      disk.sync();
      const auto before = disk.flushes();
      for (std::uint64_t i = 0; i < commits; ++i) {
        REQUIRE_OK(writer.value().commit("target", std::string(4096, 'x')));
      }
      return static_cast<double>(disk.flushes() - before) / static_cast<double>(commits);
    };
    WriteOptions ordered = by(ProtocolChoice::fast);
    ordered.durability = Durability::ordered;
    const double portable = flushes_of({});
    const double fast = flushes_of(by(ProtocolChoice::fast));
    const double none = flushes_of(ordered);
    CAPTURE(kind.name, portable, fast, none);
    // A log that is written back or a journal that is checkpointed at the time flushes now and
    // then.
    constexpr double others = 0.3;
    CHECK(portable <= 4 + others);
    CHECK(portable > 2 + others);
    CHECK(fast <= 2 + others);
    CHECK(fast >= 1);
    CHECK(none <= others);
  }
}

TEST_CASE("fast is refused where it is not known to hold, and nothing happens", "[P3]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory at;
  const test::Mount mount({"-t", "tmpfs", "tmpfs", at.path().native()});
  REQUIRE(mount.error() == "");
  test::spit(at / "target", "old content");
  const auto refused = write_file(at / "target", "new", by(ProtocolChoice::fast));
  REQUIRE_FAILS(unsupported, unchanged, refused);
  CHECK(refused.error().step == "choose the protocol");
  const auto streamed = AtomicFile::create(at / "target", by(ProtocolChoice::fast));
  REQUIRE_FAILS(unsupported, unchanged, streamed);
  // A pipeline of one's own does not get around it.
  REQUIRE_FAILS(unsupported, unchanged, AtomicWriter::bind(at.path(), FastDurable()));
  REQUIRE_FAILS(unsupported, unchanged, AtomicWriter::bind(at.path(), FastOrdered()));
  CHECK(test::list(at.path()) == std::vector<std::string>{"target"});
  CHECK(test::slurp(at / "target") == "old content");
  // Without a sync there is no protocol to choose.
  WriteOptions none = by(ProtocolChoice::fast);
  none.durability = Durability::none;
  REQUIRE_OK(write_file(at / "target", "new", none));
}

TEST_CASE("a link to another file system is committed by what holds there", "[P3]") {
  const Disk disk(64, mkfs_ext4);
  if (!disk.error().empty()) return test::skip(disk.error());
  const TempDirectory elsewhere;
  const test::Mount mount({"-t", "tmpfs", "tmpfs", elsewhere.path().native()});
  REQUIRE(mount.error() == "");
  test::spit(elsewhere / "real", "old content");
  boost::filesystem::create_symlink(elsewhere / "real", disk.path() / "link");
  const auto automatic = AtomicWriter::bind(disk.path(), by(ProtocolChoice::automatic));
  REQUIRE_OK(automatic);
  const auto there = automatic.value().commit("link", "new");
  REQUIRE_OK(there);
  CHECK(there.value().protocol == Protocol::portable);
  CHECK(test::slurp(elsewhere / "real") == "new");
  const auto here = automatic.value().commit("target", "new");
  REQUIRE_OK(here);
  CHECK(here.value().protocol == Protocol::fast);

  const auto fast = AtomicWriter::bind(disk.path(), by(ProtocolChoice::fast));
  REQUIRE_OK(fast);
  REQUIRE_FAILS(unsupported, unchanged, fast.value().commit("link", "newer"));
  CHECK(test::slurp(elsewhere / "real") == "new");
  const auto own = AtomicWriter::bind(disk.path(), FastDurable());
  REQUIRE_OK(own);
  REQUIRE_FAILS(unsupported, unchanged, own.value().commit("link", "newer"));
}

TEST_CASE("fast awaits the content before the rename and syncs the renamed file, nothing else",
          "[P3]") {
  const TempDirectory at;
  Claiming ext4(good_ext4());
  const auto calls_of = [&](auto commit) {
    testing::FaultyFileSystem files(ext4);
    commit(System{.files = &files, .environment = &native_environment()});
    std::vector<testing::Operation> calls;
    for (const auto& call : files.log()) {
      using enum testing::Operation;
      if (call.operation == write_at || call.operation == await_writeback ||
          call.operation == rename || call.operation == sync_file ||
          call.operation == sync_directory) {
        calls.push_back(call.operation);
      }
    }
    return calls;
  };
  using enum testing::Operation;
  const std::vector<testing::Operation> durable{write_at, await_writeback, rename, sync_file};
  CHECK(calls_of([&](System system) {
          REQUIRE_OK(write_file(at / "target", "new", by(ProtocolChoice::automatic), system));
        }) == durable);
  CHECK(calls_of([&](System system) {
          auto file = AtomicFile::create(at / "target", by(ProtocolChoice::fast), system);
          REQUIRE_OK(file);
          REQUIRE_OK(file.value().write(as_bytes("streamed")));
          const auto receipt = file.value().commit();
          REQUIRE_OK(receipt);
          CHECK(receipt.value().protocol == Protocol::fast);
          CHECK(receipt.value().durability == Durability::durable);
        }) == durable);
  WriteOptions ordered = by(ProtocolChoice::automatic);
  ordered.durability = Durability::ordered;
  CHECK(calls_of([&](System system) {
          const auto receipt = write_file(at / "target", "new", ordered, system);
          REQUIRE_OK(receipt);
          CHECK(receipt.value().durability == Durability::ordered);
        }) == std::vector<testing::Operation>{write_at, await_writeback, rename});
}

TEST_CASE("a failed sync of the published file is an error, and says that the content is there",
          "[P4]") {
  const TempDirectory at;
  test::spit(at / "target", "old");
  Claiming ext4(good_ext4());
  testing::FaultyFileSystem files(ext4);
  files.fail({.operation = testing::Operation::sync_file, .error = EIO});
  const auto failed = write_file(at / "target", "new", by(ProtocolChoice::fast),
                                 {.files = &files, .environment = &native_environment()});
  REQUIRE_FAILS(system, visible, failed);
  CHECK(test::slurp(at / "target") == "new");
  CHECK(test::temps_in(at.path()).empty());
}
