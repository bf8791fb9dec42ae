// SPDX-License-Identifier: BSL-1.0
// Beside whom `clean` runs: transactions and their recovery, and writers who reach the same file by
// another inode, through a real overlay and a real FUSE mount.
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/transaction.hpp>

#include "engine/lock.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/result.hpp"

namespace perdure::test {
namespace {

using namespace perdure::testing;  // NOLINT: doubles

/// Cleans a directory whenever something is about to get its name there.
struct Cleaning final : ForwardingFileSystem {
  Cleaning(Path path, FileSystem& below) : ForwardingFileSystem(below), at(std::move(path)) {}
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    const auto report = clean(at);
    REQUIRE_OK(report);
    removed += report.value().removed.size();
    met += report.value().skipped.size();
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  Path at;
  std::size_t removed = 0;
  std::size_t met = 0;  ///< Apply temps that were there and were left.
};

Result<TransactionReceipt> put_two(const Path& root, FileSystem& files) {
  TransactionOptions options;
  options.system.files = &files;
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, options));
  BOOST_OUTCOME_TRY(transaction.put("a", as_bytes("new")));
  BOOST_OUTCOME_TRY(transaction.put("b", as_bytes("new")));
  return transaction.commit();
}

/// A committer that has its temp open in `writer`, beside a cleaner in each of `cleaners`: the same
/// directory by other ways.
void check_live(const Path& writer, const std::vector<Path>& cleaners) {
  for (const std::string_view content : {"", "half"}) {
    auto live = AtomicFile::create(writer / "target");
    REQUIRE_OK(live);
    if (!content.empty()) REQUIRE_OK(live.value().write(as_bytes(content)));
    for (const auto& at : cleaners) {
      CAPTURE(writer, at, content);
      REQUIRE(temps_in(at).size() == 1);  // it is the same directory
      const auto report = clean(at);
      REQUIRE_OK(report);
      CHECK(report.value().removed.empty());
      CHECK(report.value().live.size() + report.value().skipped.size() == 1);
      CHECK(temps_in(writer).size() == 1);
    }
    REQUIRE_OK(live.value().commit());
    CHECK(slurp(writer / "target") == content);
  }
}

}  // namespace

TEST_CASE("clean beside a transaction that is being put in place takes nothing from it", "[P15]") {
  const TempDirectory directory;
  Cleaning files(directory.path(), native_file_system());
  REQUIRE_OK(put_two(directory.path(), files));
  CHECK(files.removed == 0);
  CHECK(files.met == 2);  // one for each path, at its own rename
  CHECK(slurp(directory / "a") == "new");
  CHECK(slurp(directory / "b") == "new");
}

TEST_CASE("clean beside a recovery takes nothing from it", "[P15]") {
  for (const std::uint64_t dies_at : {1U, 2U}) {  // the links of "a" and "b" to their apply temps
    CAPTURE(dies_at);
    const TempDirectory directory;
    {
      struct Dying final : ForwardingFileSystem {
        using ForwardingFileSystem::ForwardingFileSystem;
        SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                               const std::string& to, RenameMode mode) override {
          const bool puts = from.ends_with(".perdure-put");
          if (puts && --left == 0) return std::error_code(EIO, std::generic_category());
          return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
        }
        std::uint64_t left = 0;
      } dying(native_file_system());
      dying.left = dies_at;
      REQUIRE_FALSE(put_two(directory.path(), dying));
    }
    REQUIRE(temps_in(directory.path()).size() == 1);
    Cleaning files(directory.path(), native_file_system());
    TransactionOptions options;
    options.system.files = &files;
    REQUIRE_OK(recover(directory.path(), options));
    CHECK(files.removed == 0);
    // The one that was left, while the journal is copied; and each that is made, at its rename.
    CHECK(files.met == 4 - dies_at);
    CHECK(slurp(directory / "a") == "new");
    CHECK(slurp(directory / "b") == "new");
    CHECK(temps_in(directory.path()).empty());
  }
}

TEST_CASE("clean removes no live temp through a real overlay, from neither side", "[P15]") {
  if (!can_mount()) return skip("this user may not mount");
  const TempDirectory at;
  for (const char* name : {"lower", "upper", "work", "merged"}) fs::create_directory(at / name);
  spit(at / "lower/target", "old");
  const Mount overlay({"-t", "overlay", "-o",
                       "lowerdir=" + (at / "lower").native() + ",upperdir=" +
                           (at / "upper").native() + ",workdir=" + (at / "work").native(),
                       "none", (at / "merged").native()});
  if (!overlay.error().empty()) return skip(overlay.error());
  check_live(at / "merged", {at / "upper", at / "merged"});
  check_live(at / "upper", {at / "merged", at / "upper"});
  // And one beneath it, which nobody is meant to write to while it is mounted.
  auto live = AtomicFile::create(at / "lower/other");
  REQUIRE_OK(live);
  REQUIRE_OK(live.value().write(as_bytes("half")));
  const auto report = clean(at / "merged");
  REQUIRE_OK(report);
  CHECK(report.value().removed.empty());
  CHECK(report.value().skipped == temps_in(at / "lower"));
  REQUIRE_OK(live.value().commit());
}

TEST_CASE("clean removes no live temp through a real FUSE mount, from neither side", "[P15]") {
  if (!can_mount()) return skip("this user may not mount");
  if (run({"bindfs", "--version"}).status != 0) return skip("bindfs is not installed");
  const TempDirectory at;
  for (const char* name : {"below", "mounted"}) fs::create_directory(at / name);
  spit(at / "below/target", "old");
  const Mount fuse({"-t", "fuse.bindfs", (at / "below").native(), (at / "mounted").native()});
  if (!fuse.error().empty()) return skip(fuse.error());
  check_live(at / "mounted", {at / "below", at / "mounted"});
  check_live(at / "below", {at / "mounted", at / "below"});
}

namespace {

std::set<std::string> as_set(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

/// A temp that somebody left: with content, and nobody has it open.
std::string leave_temp(const fs::path& directory) {
  FaultyFileSystem dying(native_file_system());
  dying.fail({.operation = Operation::rename, .call = 1, .error = EIO, .from_then_on = true});
  dying.fail({.operation = Operation::unlink, .call = 1, .error = EIO, .from_then_on = true});
  REQUIRE_FALSE(
      write_file((directory / "f").native(), as_bytes("1"), {}, {&dying, &native_environment()}));
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().native();
    if (name.find("perdure-tmp") != name.npos) return name;
  }
  return "none";
}

}  // namespace

// Where the mount table does not show the mount, statfs(2) tells the family alone.
TEST_CASE("clean removes temps of ext4 in a container that hides its mounts") {
  const TempDirectory at;
  const std::string left = leave_temp(at.path());
  struct Hidden final : ForwardingFileSystem {
    explicit Hidden(std::string of) : ForwardingFileSystem(native_file_system()), type(of) {}
    SysResult<FileSystemInfo> describe(Handle directory) override {
      BOOST_OUTCOME_TRY(FileSystemInfo info, ForwardingFileSystem::describe(directory));
      info.type = type;
      return info;
    }
    std::string type;
  };
  Hidden family("ext2, ext3 or ext4");
  Hidden unknown("");
  System system;
  system.environment = &native_environment();
  system.files = &unknown;
  CHECK(clean(at.path(), {}, system).value().removed.empty());
  system.files = &family;
  CHECK(as_set(clean(at.path(), {}, system).value().removed) == std::set<std::string>{left});
}

TEST_CASE("clean goes into directories when asked, and follows no link") {
  const TempDirectory at;
  fs::create_directories(at / "a/b");
  fs::create_directory(at / ".perdure");
  const TempDirectory outside;
  const std::string other = leave_temp(outside.path());
  fs::create_directory_symlink(outside.path(), at / "link");
  const std::string top = leave_temp(at.path());
  const std::string deep = leave_temp(at / "a/b");
  const std::string of_root = leave_temp(at / ".perdure");
  CHECK(as_set(clean(at.path(), {.dry_run = true, .recursive = true}).value().removed) ==
        std::set<std::string>{top, "a/b/" + deep});
  CHECK(as_set(clean(at.path()).value().removed) == std::set<std::string>{top});
  CHECK(as_set(clean(at.path(), {.recursive = true}).value().removed) ==
        std::set<std::string>{"a/b/" + deep});
  CHECK(fs::exists(outside / other));
  CHECK(fs::exists(at / ".perdure" / of_root));
}

TEST_CASE("clean takes lock files away that nobody holds, when asked") {
  const TempDirectory at;
  for (const char* leaf : {"free", "held"}) {
    REQUIRE_OK(write_file(at.file(leaf), as_bytes("1"), {.expected = Version::absent()}));
  }
  spit(at / ".perdure-lock", "a user's own");
  CHECK(clean(at.path()).value().removed.empty());
  {
    const OwnedHandle directory(
        native_file_system(),
        native_file_system().open_directory(Handle::working_directory, at.path().native()).value());
    const auto held = take_lock(native_file_system(), native_environment(), directory.get(), "held",
                                LockMode::exclusive, {std::chrono::milliseconds(0)});
    REQUIRE(held);
    const auto report = clean(at.path(), {.locks = true}).value();
    CHECK(report.removed == std::vector<std::string>{".free.perdure-lock"});
    CHECK(report.live == std::vector<std::string>{".held.perdure-lock"});
  }
  CHECK(clean(at.path(), {.locks = true}).value().removed ==
        std::vector<std::string>{".held.perdure-lock"});
  CHECK(fs::exists(at / ".perdure-lock"));
}

TEST_CASE("committers who wait for a lock that clean takes away still exclude each other") {
  const TempDirectory at(Medium::memory);
  REQUIRE_OK(write_file(at.file("n"), as_bytes("0")));
  std::atomic<bool> done = false;
  bool cleaned = true;
  std::thread cleaning([&] {
    while (!done) cleaned = clean(at.path(), {.locks = true}).has_value() && cleaned;
  });
  std::vector<std::thread> counting;
  for (int i = 0; i < 4; ++i) {
    counting.emplace_back([&] {
      for (int n = 0; n < 50;) {
        const auto old = read_file(at.file("n"));
        if (!old) continue;
        const auto next = std::to_string(std::stoi(std::string(as_text(old.value().bytes))) + 1);
        if (write_file(at.file("n"), as_bytes(next), {.expected = old.value().version})) ++n;
      }
    });
  }
  for (auto& thread : counting) thread.join();
  done = true;
  cleaning.join();
  CHECK(cleaned);
  CHECK(slurp(at / "n") == "200");
}

}  // namespace perdure::test
