// SPDX-License-Identifier: BSL-1.0
// Many paths of one file: a batch knows its targets by directory and leaf, not by their spelling.
#include <sys/resource.h>

#include <perdure/files.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/directory.hpp"
#include "support/locks.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using test::WatchedLocks;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

namespace fs = boost::filesystem;

/// Who meets a lock that is held fails at once.
WriteOptions locking() {
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  return options;
}

/// The first path is written and the second refused, with a lock and without one.
void check_same(const fs::path& first, const fs::path& second, const fs::path& file) {
  CAPTURE(first, second);
  for (const bool lock : {false, true}) {
    const std::vector<NewFile> files{{first, as_bytes("first")}, {second, as_bytes("second")}};
    const auto results = write_files(files, lock ? locking() : WriteOptions());
    REQUIRE_OK(results[0]);
    REQUIRE_FAILS(invalid_argument, unchanged, results[1]);
    CHECK(results[1].error().path == second.native());
    CHECK(test::slurp(file) == "first");
  }
}

/// Two batches of the same two files by other paths. One meets the other while it holds its first
/// lock: it has to wait for that one before it takes any.
void check_meeting(const std::vector<fs::path>& one, const std::vector<fs::path>& other) {
  const auto files_of = [](const std::vector<fs::path>& paths) {
    std::vector<NewFile> files;
    for (const auto& path : paths) files.push_back({path, as_bytes("new")});
    return files;
  };
  WatchedLocks first;
  WatchedLocks second;
  std::vector<Result<Receipt>> met;
  first.behind_first = [&] { met = write_files(files_of(other), locking(), second.system()); };
  for (const auto& result : write_files(files_of(one), locking(), first.system())) {
    REQUIRE_OK(result);
  }
  REQUIRE(second.tried.size() == 2);
  CHECK(second.tried == first.tried);
  CHECK(std::count_if(met.begin(), met.end(), [](const auto& result) {
          return !result && result.error().kind == ErrorKind::lock_timeout;
        }) == 1);
}

/// `d/x` and `d/y` with a file `f` in each; either may have the lower inode.
struct TwoDirectories {
  TwoDirectories() {
    const bool x_first = GENERATE(true, false);
    for (const char* name : {x_first ? "d/x" : "d/y", x_first ? "d/y" : "d/x"}) {
      fs::create_directories(at / name);
      test::spit(at / name / "f", "old");
    }
    for (const char* name : {"l", "m"}) fs::create_directory(at / name);
  }
  TempDirectory at{"/dev/shm"};
};

}  // namespace

TEST_CASE("a batch refuses a target that is named twice, however it is spelled", "[P9]") {
  const TempDirectory at;
  fs::create_directories(at / "d/sub");
  test::spit(at / "d/a", "old");
  fs::create_directory_symlink("d", at / "link");
  fs::create_symlink("a", at / "d/to_a");
  fs::create_symlink("../d/a", at / "d/sub/to_a");
  check_same(at / "d/a", at / "d/./a", at / "d/a");
  check_same(at / "d/./a", at / "d/a", at / "d/a");
  check_same(at / "d/sub/../a", at / "d/a", at / "d/a");
  check_same(at / "link/a", at / "d/a", at / "d/a");
  check_same(at / "d/a", at / "link/a", at / "d/a");
  check_same(at / "d/a", at / "d/to_a", at / "d/a");
  fs::create_symlink("../a", at / "d/sub/up");
  check_same(at / "d/sub/up", at / "link/to_a", at / "d/a");
  check_same(at / "d/new", at / "link/new", at / "d/new");  // absent before
  CHECK(test::temps_in(at / "d").empty());
}

TEST_CASE("two names of one file are two targets of a batch", "[P9]") {
  const TempDirectory at;
  test::spit(at / "a", "old");
  fs::create_hard_link(at / "a", at / "b");
  fs::create_symlink("a", at / "c");
  WriteOptions options = locking();
  options.symlink = SymlinkPolicy::replace;  // then the link is a target of its own
  const std::vector<NewFile> files{
      {at / "a", as_bytes("A")}, {at / "b", as_bytes("B")}, {at / "c", as_bytes("C")}};
  for (const auto& result : write_files(files, options)) REQUIRE_OK(result);
  CHECK(test::slurp(at / "a") == "A");
  CHECK(test::slurp(at / "b") == "B");
  CHECK(test::slurp(at / "c") == "C");
}

TEST_CASE("a batch knows a target through a bind mount", "[P9]") {
  const TempDirectory at;
  fs::create_directory(at / "d");
  fs::create_directory(at / "bound");
  if (!test::can_mount()) return test::skip("mounts need root");
  const test::Mount mount({"--bind", (at / "d").native(), (at / "bound").native()});
  if (!mount.error().empty()) return test::skip(mount.error());
  check_same(at / "bound/a", at / "d/a", at / "d/a");
}

TEST_CASE("a target that comes again in a later part of a large batch is refused, too", "[P9]") {
  const TempDirectory at("/dev/shm");
  fs::create_directory(at / "d");
  std::vector<NewFile> files;
  for (int i = 0; i < 600; ++i) files.push_back({at / "d" / std::to_string(i), as_bytes("x")});
  fs::create_directory_symlink("d", at / "z");
  for (int i = 0; i < 600; ++i) files.push_back({at / "z" / std::to_string(i), as_bytes("x")});
  const auto results = write_files(files);
  for (std::size_t i = 0; i < 600; ++i) {
    REQUIRE_OK(results[i]);
    REQUIRE_FAILS(invalid_argument, unchanged, results[600 + i]);
  }
}

TEST_CASE("batches that name the same files by other paths take their locks in one order", "[P8]") {
  const TwoDirectories two;
  const auto& at = two.at;
  SECTION("spelled in other ways") {
    check_meeting({at / "d/x/f", at / "d/y/f"}, {at / "d/./y/f", at / "d/x/f"});
    check_meeting({at / "d/x/f", at / "d/x/g"}, {at / "d/./x/g", at / "d/x/f"});
  }
  SECTION("through linked directories") {
    fs::create_directory_symlink("../d/x", at / "l/1");
    fs::create_directory_symlink("../d/y", at / "l/2");
    fs::create_directory_symlink("../d/y", at / "m/1");
    fs::create_directory_symlink("../d/x", at / "m/2");
    check_meeting({at / "l/1/f", at / "l/2/f"}, {at / "m/1/f", at / "m/2/f"});
  }
  SECTION("through links at the targets") {
    fs::create_symlink("../d/x/f", at / "l/1");
    fs::create_symlink("../d/y/f", at / "l/2");
    fs::create_symlink("../d/y/f", at / "m/1");
    fs::create_symlink("../d/x/f", at / "m/2");
    check_meeting({at / "l/1", at / "l/2"}, {at / "m/1", at / "m/2"});
  }
  SECTION("through bind mounts") {
    if (!test::can_mount()) return test::skip("mounts need root");
    fs::create_directory(at / "m/1");
    fs::create_directory(at / "m/2");
    const test::Mount y({"--bind", (at / "d/y").native(), (at / "m/1").native()});
    const test::Mount x({"--bind", (at / "d/x").native(), (at / "m/2").native()});
    if (!x.error().empty() || !y.error().empty()) return test::skip(x.error() + y.error());
    check_meeting({at / "d/x/f", at / "d/y/f"}, {at / "m/1/f", at / "m/2/f"});
  }
  SECTION("names that a directory may take for one") {
    check_meeting({at / "d/x/A", at / "d/x/b"}, {at / "d/x/b", at / "d/./x/A"});
  }
}

TEST_CASE("256 files with a link and a lock each get by with 1024 descriptors", "[P20]") {
  if (test::sanitized) return test::skip("a sanitizer needs a descriptor now and then itself");
  const TempDirectory at("/dev/shm");
  std::vector<NewFile> files;
  for (int i = 0; i < 256; ++i) {
    const std::string number = std::to_string(i);
    fs::create_directories(at / "real" / number);
    fs::create_directories(at / "link" / number);
    test::spit(at / "real" / number / "f", "old");
    fs::create_symlink("../../real/" + number + "/f", at / "link" / number / "f");
    files.push_back({at / "link" / number / "f", as_bytes("new")});
  }
  test::Child child([&]() -> std::string {
    const rlimit most{.rlim_cur = 1024, .rlim_max = 1024};
    if (::setrlimit(RLIMIT_NOFILE, &most) != 0) return "setrlimit";
    const std::size_t open = test::descriptors_open();
    std::size_t failed = 0;
    std::string words;
    for (const auto& result : write_files(files, locking())) {
      if (result) continue;
      ++failed;
      words = result.error().message();
    }
    if (failed != 0) return std::to_string(failed) + " failed: " + words;
    return test::descriptors_open() == open ? "all" : "a descriptor is lost";
  });
  CHECK(child.said() == "all");
  CHECK(test::slurp(at / "real/255/f") == "new");
}

TEST_CASE("256 files become durable at once, with their locks or with directories of their own",
          "[P9]") {
  const TempDirectory at(test::Medium::memory_with_attributes);
  const bool alone = GENERATE(false, true);  // in its directory
  std::vector<NewFile> files;
  for (int i = 0; i < 256; ++i) {
    const auto directory = at / (alone ? std::to_string(i) : std::string("d"));
    fs::create_directories(directory);
    files.push_back({directory / std::to_string(i), as_bytes("new")});
  }
  FaultyFileSystem counting(native_file_system());
  const System system{.files = &counting, .environment = &native_environment()};
  for (const auto& result : write_files(files, alone ? WriteOptions() : locking(), system)) {
    REQUIRE_OK(result);
    if (!alone) CHECK(result.value().commits_per_sync == 256);
  }
  CHECK(counting.calls(Operation::sync_directory) == (alone ? 256 : 1));
  CHECK(counting.calls(Operation::check_alive) == 1);  // one acknowledgement
}

TEST_CASE("a batch knows its targets without a call more", "[P20][budget]") {
  const TempDirectory at(test::Medium::memory_with_attributes);
  fs::create_directory(at / "d");
  const auto calls_of = [&](std::size_t count, const WriteOptions& options) {
    std::vector<NewFile> files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back({at / "d" / std::to_string(i), as_bytes("new")});
    }
    FaultyFileSystem counting(native_file_system());
    const System system{.files = &counting, .environment = &native_environment()};
    for (const auto& result : write_files(files, options, system)) REQUIRE_OK(result);
    return counting.calls();
  };
  WriteOptions fixed;
  fixed.metadata = Metadata::fixed(0644);
  (void)calls_of(64, locking());
  // open, look at, close and sync the directory, ask whether its file system lives; for each file:
  // look, create, write, set the mode, sync, rename, close.
  CHECK(calls_of(1, fixed) == 5 + 8);
  CHECK(calls_of(64, fixed) == 5 + 64 * 8);
}

TEST_CASE("a link that is turned while a batch runs leads to no target that was not locked",
          "[P7][P9]") {
  const TempDirectory at("/dev/shm");
  for (const char* name : {"x", "y", "z"}) test::spit(at / name, "old");
  fs::create_symlink("x", at / "link");
  WatchedLocks files;
  files.behind_first = [&] {
    fs::remove(at / "link");
    fs::create_symlink("y", at / "link");
  };
  const std::vector<NewFile> batch{{at / "link", as_bytes("new")}, {at / "z", as_bytes("new")}};
  for (const auto& result : write_files(batch, locking(), files.system())) REQUIRE_OK(result);
  CHECK(test::slurp(at / "x") == "new");
  CHECK(test::slurp(at / "y") == "old");
  CHECK(test::slurp(at / "z") == "new");
}
