// SPDX-License-Identifier: BSL-1.0
// Policies for an existing target: keep it, back it up, replace only the version one knows.
#include <atomic>
#include <cerrno>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

WriteOptions with(ExistingPolicy policy, Durability durability = Durability::durable) {
  WriteOptions options;
  options.existing = policy;
  options.durability = durability;
  return options;
}

System over(FaultyFileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

/// Puts a file at the target at the last moment, just before the publish.
struct Intruder final : FaultyFileSystem {
  Intruder(FileSystem& base, boost::filesystem::path target)
      : FaultyFileSystem(base), target_(std::move(target)) {}
  SysResult<void> rename(Handle a, const std::string& b, Handle c, const std::string& d,
                         RenameMode mode) override {
    intrude();
    return FaultyFileSystem::rename(a, b, c, d, mode);
  }
  SysResult<void> link(Handle a, const std::string& b, Handle c, const std::string& d) override {
    intrude();
    return FaultyFileSystem::link(a, b, c, d);
  }

 private:
  void intrude() {
    if (!std::exchange(done_, true)) test::spit(target_, "the intruder's");
  }
  boost::filesystem::path target_;
  bool done_ = false;
};

}  // namespace

TEST_CASE("keep makes a new file and never replaces one", "[P5]") {
  const TempDirectory directory;
  REQUIRE_OK(write_file(directory / "target", "first", with(ExistingPolicy::keep)));
  const auto second = write_file(directory / "target", "second", with(ExistingPolicy::keep));
  REQUIRE_FAILS(exists, unchanged, second);
  CHECK(test::slurp(directory / "target") == "first");
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("keep is decided by the kernel at the publish, not by a look before it", "[P5]") {
  for (const bool by_link : {false, true}) {
    const TempDirectory directory;
    Intruder files(native_file_system(), directory / "target");
    if (by_link) files.fail({.operation = Operation::rename, .error = EINVAL});
    REQUIRE_FAILS(
        exists, unchanged,
        write_file(directory / "target", "ours", with(ExistingPolicy::keep), over(files)));
    CHECK(test::slurp(directory / "target") == "the intruder's");
    CHECK(test::temps_in(directory.path()).empty());
  }
}

TEST_CASE("keep works by link where the file system has no rename without replacing", "[P5]") {
  const TempDirectory directory;
  for (const int error : {EINVAL, ENOSYS}) {
    FaultyFileSystem files(native_file_system());
    files.fail({.operation = Operation::rename, .error = error, .from_then_on = true});
    const std::string leaf = "target" + std::to_string(error);
    REQUIRE_OK(write_file(directory / leaf, "new", with(ExistingPolicy::keep), over(files)));
    CHECK(files.calls(Operation::link) == 1);
    CHECK(test::slurp(directory / leaf) == "new");
    CHECK(test::status_of(directory / leaf).st_nlink == 1);
  }
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a keeping stream fails before anything is streamed, and again at the end", "[P5]") {
  const TempDirectory directory;
  auto file = AtomicFile::create(directory / "target", with(ExistingPolicy::keep));
  REQUIRE_OK(file);
  test::spit(directory / "target", "the other's");
  REQUIRE_FAILS(exists, unchanged, file.value().commit());
  REQUIRE_FAILS(exists, unchanged,
                AtomicFile::create(directory / "target", with(ExistingPolicy::keep)));
  CHECK(test::slurp(directory / "target") == "the other's");
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("keep where the answer of the rename was lost tells what is there", "[P5][P19]") {
  // A rename over NFS that is sent again after its answer was lost says EEXIST of its own file.
  const TempDirectory directory;
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::rename, .error = EEXIST, .after_effect = true});
  REQUIRE_FAILS(system, visible,
                write_file(directory / "target", "new", with(ExistingPolicy::keep), over(files)));
  CHECK(test::slurp(directory / "target") == "new");
}

TEST_CASE("backup keeps the last content under a second name, the same file") {
  const TempDirectory directory;
  REQUIRE_OK(write_file(directory / "target", "1", with(ExistingPolicy::backup)));
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  for (int i = 2; i <= 4; ++i) {
    const auto old_inode = test::status_of(directory / "target").st_ino;
    REQUIRE_OK(write_file(directory / "target", std::to_string(i), with(ExistingPolicy::backup)));
    CHECK(test::slurp(directory / "target") == std::to_string(i));
    CHECK(test::slurp(directory / "target~") == std::to_string(i - 1));
    CHECK(test::status_of(directory / "target~").st_ino == old_inode);
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target", "target~"});
  }
}

TEST_CASE("backup when target and backup are one file already") {
  // rename(2) of two links of one inode does nothing and succeeds: the link between would stay.
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  boost::filesystem::create_hard_link(directory / "target", directory / "target~");
  REQUIRE_OK(write_file(directory / "target", "new", with(ExistingPolicy::backup)));
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target", "target~"});
  CHECK(test::slurp(directory / "target") == "new");
  CHECK(test::slurp(directory / "target~") == "old");
}

TEST_CASE("a backup replaces a link planted under its name and does not follow it", "[P17]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  test::spit(directory / "precious", "precious");
  boost::filesystem::create_symlink("precious", directory / "target~");
  REQUIRE_OK(write_file(directory / "target", "new", with(ExistingPolicy::backup)));
  CHECK(test::slurp(directory / "precious") == "precious");
  CHECK_FALSE(boost::filesystem::is_symlink(directory / "target~"));
  CHECK(test::slurp(directory / "target~") == "old");
}

TEST_CASE("a backup that can't be made stops the commit") {
  const TempDirectory directory;
  SECTION("a directory has its name") {
    test::spit(directory / "target", "old");
    boost::filesystem::create_directory(directory / "target~");
    REQUIRE_FAILS(system, unchanged,
                  write_file(directory / "target", "new", with(ExistingPolicy::backup)));
    CHECK(test::slurp(directory / "target") == "old");
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target", "target~"});
  }
  SECTION("its name would be too long") {
    const std::string leaf(255, 'x');
    test::spit(directory / leaf, "old");
    const auto failed = write_file(directory / leaf, "new", with(ExistingPolicy::backup));
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().cause == std::errc::filename_too_long);
    CHECK(test::list(directory.path()) == std::vector<std::string>{leaf});
  }
  SECTION("the file system has no links") {
    test::spit(directory / "target", "old");
    FaultyFileSystem files(native_file_system());
    files.fail({.operation = Operation::link, .error = EPERM, .from_then_on = true});
    REQUIRE_FAILS(
        unsupported, unchanged,
        write_file(directory / "target", "new", with(ExistingPolicy::backup), over(files)));
    CHECK(test::slurp(directory / "target") == "old");
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  }
  SECTION("this one file may not be linked") {
    test::spit(directory / "target", "old");
    FaultyFileSystem files(native_file_system());
    files.fail({.operation = Operation::link, .error = EPERM});
    REQUIRE_FAILS(
        system, unchanged,
        write_file(directory / "target", "new", with(ExistingPolicy::backup), over(files)));
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  }
  SECTION("the file system has neither links nor a rename that replaces nothing") {
    FaultyFileSystem files(native_file_system());
    files.fail({.operation = Operation::link, .error = EPERM, .from_then_on = true});
    files.fail({.operation = Operation::rename, .error = EINVAL, .from_then_on = true});
    REQUIRE_FAILS(unsupported, unchanged,
                  write_file(directory / "target", "new", with(ExistingPolicy::keep), over(files)));
    CHECK(test::temps_in(directory.path()).empty());
  }
}

TEST_CASE("a file that somebody makes during a first commit with a backup is kept, too") {
  struct Busy final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<void> sync_file(Handle file) override {
      test::spit(target, "theirs");
      return base().sync_file(file);
    }
    boost::filesystem::path target;
  };
  const TempDirectory directory;
  Busy files(native_file_system());
  files.target = directory / "target";
  REQUIRE_OK(write_file(files.target, "ours", with(ExistingPolicy::backup),
                        {.files = &files, .environment = &native_environment()}));
  CHECK(test::slurp(files.target) == "ours");
  CHECK(test::slurp(directory / "target~") == "theirs");
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a backup is never missing for those who look on, nor is the target", "[P1]") {
  const TempDirectory directory;
  const auto options = with(ExistingPolicy::backup, Durability::none);
  REQUIRE_OK(write_file(directory / "target", "0", options));
  REQUIRE_OK(write_file(directory / "target", "1", options));
  std::atomic<bool> done = false;
  std::atomic<int> missing = 0;
  std::atomic<long> looks = 0;
  std::thread reader([&] {
    while (!done) {
      for (const char* name : {"target", "target~"}) {
        try {
          if (test::slurp(directory / name).empty()) ++missing;
        } catch (const std::exception&) {
          ++missing;
        }
      }
      ++looks;
    }
  });
  int failed = 0;
  for (int i = 2; i < 500 || looks < 200; ++i) {
    failed += write_file(directory / "target", std::to_string(i), options).has_value() ? 0 : 1;
  }
  done = true;
  reader.join();
  CHECK(failed == 0);
  CHECK(missing == 0);
}

TEST_CASE("clean beside commits that keep backups breaks none of them") {
  // The second name of the old content is a temp that nobody has open for writing: a cleaner took
  // it away before its rename, and the commit failed with ENOENT.
  const TempDirectory directory;
  REQUIRE_OK(write_file(directory / "target", "1", with(ExistingPolicy::backup)));
  REQUIRE_OK(write_file(directory / "target", "2", with(ExistingPolicy::backup)));
  struct Cleaned final : FaultyFileSystem {
    Cleaned(FileSystem& base, boost::filesystem::path at)
        : FaultyFileSystem(base), at_(std::move(at)) {}
    SysResult<void> rename(Handle a, const std::string& b, Handle c, const std::string& d,
                           RenameMode mode) override {
      if (cleanings < 3) {
        ++cleanings;
        REQUIRE_OK(clean(at_));
      }
      return FaultyFileSystem::rename(a, b, c, d, mode);
    }
    int cleanings = 0;

   private:
    boost::filesystem::path at_;
  };
  Cleaned files(native_file_system(), directory.path());
  REQUIRE_OK(write_file(directory / "target", "3", with(ExistingPolicy::backup), over(files)));
  CHECK(files.cleanings == 3);
  CHECK(test::slurp(directory / "target") == "3");
  CHECK(test::slurp(directory / "target~") == "2");
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target", "target~"});
}

TEST_CASE("a commit that expects a version replaces that version alone", "[P5]") {
  const TempDirectory directory;
  test::spit(directory / "target", "1");
  const auto first = read_file(directory / "target");
  REQUIRE_OK(first);
  const auto receipt = write_file(directory / "target", "2", {.expected = first.value().version});
  REQUIRE_OK(receipt);
  // The stamps alone: on a coarse clock, one of both looks may have come within the tick.
  CHECK(receipt.value().version.same_stamps(read_version(directory / "target").value()));
  REQUIRE_FAILS(conflict, unchanged,
                write_file(directory / "target", "3", {.expected = first.value().version}));
  CHECK(test::slurp(directory / "target") == "2");
  REQUIRE_OK(write_file(directory / "target", "3", {.expected = receipt.value().version}));
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("any change of the target is a conflict: its bytes, its mode, its name, its absence",
          "[P5]") {
  const TempDirectory directory;
  test::spit(directory / "target", "1");
  // By read_file, which waits out the tick of a coarse clock: of what changes within it nothing but
  // the content can be told.
  const Version version = read_file(directory / "target").value().version;
  SECTION("written in place, same size") {
    test::spit(directory / "target", "2");
  }
  SECTION("mode") {
    REQUIRE(::chmod((directory / "target").c_str(), 0600) == 0);
  }
  SECTION("renamed away and back") {
    boost::filesystem::rename(directory / "target", directory / "x");
    boost::filesystem::rename(directory / "x", directory / "target");
  }
  SECTION("removed") {
    boost::filesystem::remove(directory / "target");
  }
  SECTION("replaced by a file that may well get the same inode") {
    boost::filesystem::remove(directory / "target");
    test::spit(directory / "target", "1");
  }
  REQUIRE_FAILS(conflict, unchanged,
                write_file(directory / "target", "new", {.expected = version}));
  REQUIRE_FAILS(conflict, unchanged, remove_file(directory / "target", {.expected = version}));
  REQUIRE_FAILS(conflict, unchanged,
                AtomicFile::create(directory / "target", {.expected = version}));
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("options that serve many commits refuse an expected version", "[P5]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const WriteOptions options{.expected = read_version(directory / "target").value()};
  REQUIRE_FAILS(invalid_argument, unchanged, AtomicWriter::bind(directory.path(), options));
  const std::array files{NewFile{.target = directory / "target", .image = as_bytes("new")}};
  for (const auto& result : write_files(files, options)) {
    REQUIRE_FAILS(invalid_argument, unchanged, result);
  }
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("expecting no file makes a file once", "[P5]") {
  const TempDirectory directory;
  REQUIRE_OK(write_file(directory / "target", "1", {.expected = Version::absent()}));
  const auto again = write_file(directory / "target", "2", {.expected = Version::absent()});
  REQUIRE_FAILS(conflict, unchanged, again);
  CHECK(again.error().step == "compare the version");
  CHECK(test::slurp(directory / "target") == "1");
}

TEST_CASE("removing an expected version leaves no time between check and act either", "[P5]") {
  const TempDirectory directory;
  test::spit(directory / "target", "1");
  const auto version = read_version(directory / "target").value();
  const auto next = write_file(directory / "target", "2", {.expected = version});
  REQUIRE_OK(next);
  REQUIRE_FAILS(conflict, unchanged, remove_file(directory / "target", {.expected = version}));
  CHECK(test::slurp(directory / "target") == "2");
  REQUIRE_OK(remove_file(directory / "target", {.expected = next.value().version}));
  CHECK_FALSE(boost::filesystem::exists(directory / "target"));
}

TEST_CASE("of several threads that expect one version exactly one wins each round", "[P5]") {
  const TempDirectory directory;
  constexpr int threads_count = 4;
  constexpr int rounds = 40;
  const auto writer =
      AtomicWriter::bind(directory.path(), with(ExistingPolicy::replace, Durability::none));
  REQUIRE_OK(writer);
  int wrong = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto version = read_version(directory / "target").value();
    std::atomic<int> won = 0;
    std::atomic<int> lost = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < threads_count; ++i) {
      threads.emplace_back([&, i] {
        const auto outcome =
            writer.value().commit("target", std::to_string(i), {.expected = version});
        if (outcome) {
          ++won;
        } else if (outcome.error().kind == ErrorKind::conflict) {
          ++lost;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    if (won != 1 || lost != threads_count - 1) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a lock that is not to be had ends with what holds it up", "[P8]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::try_lock, .error = EWOULDBLOCK, .from_then_on = true});
  const auto failed = write_file(directory / "target", "new", options, over(files));
  REQUIRE_FAILS(lock_timeout, unchanged, failed);
  CHECK(failed.error().step == "take the target's lock");
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("names that the library gives to its own files are refused as targets") {
  // `clean` would take such a target away; a lock file that is replaced excludes nobody.
  const TempDirectory directory;
  for (const char* leaf : {".a.0123456789abcdef.perdure-tmp", ".a.perdure-lock"}) {
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(directory / leaf, "new"));
    REQUIRE_FAILS(invalid_argument, unchanged, AtomicFile::create(directory / leaf));
  }
  CHECK(test::list(directory.path()).empty());
}
