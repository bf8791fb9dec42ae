// SPDX-License-Identifier: BSL-1.0
// File systems, directories and files that lack what a commit needs: it refuses in words, and
// leaves nothing behind.
#include <cerrno>
#include <fcntl.h>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

struct Count {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (count))

/// FAT and its like: no ACLs, and chmod(2) returns success and changes nothing.
class Modeless final : public ForwardingFileSystem {
 public:
  Modeless() : ForwardingFileSystem(native_file_system()) {}
  SysResult<void> set_xattr(Handle /*file*/, const std::string& /*xattr*/,
                            Bytes /*value*/) override {
    return std::make_error_code(std::errc::not_supported);
  }
  SysResult<void> set_mode(Handle /*file*/, std::uint32_t /*mode*/) override { return success(); }
  SysResult<Status> stat(Handle handle) override {
    auto status = ForwardingFileSystem::stat(handle);
    if (status) status.value().mode = 0777;
    return status;
  }
};

/// A directory that gives no name back while this lives.
class AppendOnly {
 public:
  explicit AppendOnly(fs::path path) : path_(std::move(path)) {
    const auto marked = test::run({"chattr", "+a", path_.native()});
    if (marked.status != 0) why_ = "chattr: " + marked.said();
  }
  AppendOnly(const AppendOnly&) = delete;
  AppendOnly& operator=(const AppendOnly&) = delete;
  ~AppendOnly() { (void)test::run({"chattr", "-a", path_.native()}); }
  [[nodiscard]] const std::string& why_not() const { return why_; }

 private:
  fs::path path_;
  std::string why_;
};

}  // namespace

TEST_CASE("an append-only directory is refused before anything is made in it", "[P16][P19]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  fs::create_directory(directory / "sub");
  test::spit(directory / "sub/target", "old");
  REQUIRE_OK(Transaction::begin(directory.path()));
  const auto saved = [&] {
    auto tracker = StateTracker<Count>::open(directory / "sub/state");
    REQUIRE_OK(tracker);  // what is there can be read
    return tracker.value().update([](Count& state) { ++state.count; });
  };
  REQUIRE_OK(saved());
  const TempDirectory beside;
  fs::create_symlink(directory / "sub/target", beside / "link");
  const auto linked = AtomicWriter::bind(beside.path());
  REQUIRE_OK(linked);
  const auto before = test::list(directory / "sub");

  const AppendOnly marked(directory / "sub");
  if (!marked.why_not().empty()) return test::skip(marked.why_not());
  for (int i = 0; i < 2; ++i) {
    REQUIRE_FAILS(system, unchanged, write_file(directory / "sub/target", "new"));
    REQUIRE_FAILS(system, unchanged, AtomicWriter::bind(directory / "sub"));
    REQUIRE_FAILS(system, unchanged, AtomicFile::create(directory / "sub/target"));
    REQUIRE_FAILS(system, unchanged, linked.value().commit("link", "new"));
    REQUIRE_FAILS(system, unchanged, probe(directory / "sub"));
    REQUIRE_FAILS(system, unchanged, saved());
    auto transaction = Transaction::begin(directory.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("sub/target", "new"));
    REQUIRE_FAILS(system, unchanged, transaction.value().commit());
  }
  CHECK(test::list(directory / "sub") == before);
  REQUIRE_OK(read_file(directory / "sub/target"));
}

TEST_CASE("an append-only directory becomes no root of transactions", "[P16][P19]") {
  const TempDirectory directory;
  const AppendOnly marked(directory.path());
  if (!marked.why_not().empty()) return test::skip(marked.why_not());
  REQUIRE_FAILS(system, unchanged, Transaction::begin(directory.path()));
  CHECK(test::list(directory.path()).empty());
}

TEST_CASE("a link of /proc to an open file leads a commit onto no other file", "[P7]") {
  const TempDirectory directory;
  test::spit(directory / "open", "old");
  const int fd = ::open((directory / "open").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  fs::rename(directory / "open", directory / "elsewhere");
  test::spit(directory / "open", "another");
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  fs::create_symlink(link, directory / "to_it");
  for (const Path& path : {Path(link), Path(directory / "to_it"), Path("/proc/self/exe")}) {
    INFO(path.native());
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(path, "new"));
    REQUIRE_FAILS(symlink_refused, unchanged, AtomicFile::create(path));
    REQUIRE_FAILS(symlink_refused, unchanged, read_file(path));
    REQUIRE_FAILS(symlink_refused, unchanged, StateTracker<Count>::open(path));
  }
  ::close(fd);
  CHECK(test::slurp(directory / "open") == "another");
  CHECK(test::slurp(directory / "elsewhere") == "old");
}

TEST_CASE("a target that nobody may write to is replaced, or refused where that is asked for") {
  const TempDirectory directory;
  test::spit(directory / "target", "old", 0444);
  const WriteOptions refusing{.refuse_read_only = true};
  REQUIRE_FAILS(read_only, unchanged, write_file(directory / "target", "new", refusing));
  REQUIRE_FAILS(read_only, unchanged, AtomicFile::create(directory / "target", refusing));
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  REQUIRE_OK(write_file(directory / "target", "new"));
  CHECK(test::mode_of(directory / "target") == 0444);
  REQUIRE_OK(write_file(directory / "other", "new", refusing));
  REQUIRE_OK(write_file(directory / "other", "newer", refusing));
}

TEST_CASE("a mode that the file system does not take is refused before the publish", "[P6]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  Modeless files;
  const System system{.files = &files, .environment = &native_environment()};
  WriteOptions options{.metadata = Metadata::fixed(0600)};
  const auto failed = write_file(directory / "target", "new", options, system);
  REQUIRE_FAILS(metadata, unchanged, failed);
  CHECK(failed.error().step == "apply the metadata");
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  options.metadata = Metadata::fixed(0777);  // the one that it gives to all
  REQUIRE_OK(write_file(directory / "target", "new", options, system));
}

TEST_CASE("a mode that a FUSE file system ignores is refused", "[P6]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory below;
  const TempDirectory at;
  const auto mounted =
      test::run({"bindfs", "--chmod-ignore", "--xattr-none", "--create-with-perms=a+rwx",
                 below.path().native(), at.path().native()});
  if (mounted.status != 0) return test::skip("bindfs: " + mounted.said());
  const auto failed = write_file(at / "target", "new", {.metadata = Metadata::fixed(0600)});
  const auto temps = test::temps_in(below.path());
  const auto usual = write_file(at / "usual", "new");
  (void)test::run({"umount", at.path().native()});
  REQUIRE_FAILS(metadata, unchanged, failed);
  CHECK(temps.empty());
  REQUIRE_OK(usual);
}

TEST_CASE("probe says what can't be used, and what is not promised") {
  struct Poor final : ForwardingFileSystem {
    Poor() : ForwardingFileSystem(native_file_system()) {}
    SysResult<void> link(Handle /*from_directory*/, const std::string& /*from*/,
                         Handle /*to_directory*/, const std::string& /*to*/) override {
      return std::make_error_code(std::errc::operation_not_permitted);
    }
    SysResult<void> sync_directory(Handle /*directory*/) override {
      return std::make_error_code(std::errc::invalid_argument);
    }
    SysResult<FileSystemInfo> describe(Handle /*directory*/) override {
      FileSystemInfo info;
      info.type = "jfs";
      return info;
    }
  };
  const TempDirectory directory;
  Poor files;
  const auto report =
      probe(directory.path(), {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(report);
  REQUIRE(report.value().limits.size() == 3);
  CHECK_THAT(report.value().limits[0], test::Contains("no transactions"));
  CHECK_THAT(report.value().limits[1], test::Contains("'ordered'"));
  CHECK_THAT(report.value().limits[2], test::Contains("jfs"));
  const auto native = probe(directory.path());
  REQUIRE_OK(native);
  CHECK(native.value().limits.empty());
}

TEST_CASE("what a directory lies on is told where the mount table does not show it") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const TempDirectory outside(test::Medium::memory);
  const TempDirectory root;
  const int fd = ::open(outside.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  // Of a chroot the table shows what lies below its root; here it is not there at all.
  test::Child child([&]() -> std::string {
    if (::chroot(root.path().c_str()) != 0) return "chroot";
    const auto info = native_file_system().describe(Handle{fd});
    return info ? info.value().type : info.error().message();
  });
  CHECK(child.said() == "tmpfs");
  ::close(fd);
}
