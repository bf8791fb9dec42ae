// SPDX-License-Identifier: BSL-1.0
// Beside whom `clean` runs: transactions and their recovery, and writers who reach the same file by
// another inode, through a real overlay and a real FUSE mount.
#include <optional>

#include <perdure/atomic_file.hpp>
#include <perdure/clean.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/transaction.hpp>

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

}  // namespace perdure::test
