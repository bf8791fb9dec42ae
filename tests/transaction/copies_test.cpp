// SPDX-License-Identifier: BSL-1.0
// Roots whose files have other inode numbers than their journal knows: copied, restored, or on a
// file system that numbers anew. And the content of paths that are left alone.
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "crash.hpp"
#include "support/copying.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// All that is in the private directory, and where the tree stands.
std::pair<Tree, std::vector<std::string>> all_of(const fs::path& root) {
  return {tree_of(root), private_of(root)};
}

void check_undecided(const fs::path& root) {
  const auto before = all_of(root);
  const auto refused = recover(root);
  REQUIRE_FAILS(recovery_required, committed, refused);
  CHECK_THAT(refused.error().message(), Contains("copied or restored"));
  REQUIRE_FAILS(recovery_required, committed, Transaction::begin(root));
  CHECK(all_of(root) == before);
  REQUIRE_OK(abandon(root));
  REQUIRE_OK(Transaction::begin(root));
}

std::string kept_of(const RecoveryReport& report, const std::string& path) {
  for (const auto& one : report.paths) {
    if (one.path == path) return one.kept;
  }
  return {};
}

}  // namespace

// Recovery took each path for a change by others, dropped journal and staged files, and was content
// with half of a transaction.
TEST_CASE("a root that was killed half-way and restored from a copy is finished", "[P12]") {
  const std::string copy =
      GENERATE(as<std::string>{}, copy_all,
               "cp -dR --preserve=mode,ownership,timestamps \"$1\"/. \"$2\"", copy_by_tar);
  for (std::uint64_t call = 1; call <= 4; ++call) {
    CAPTURE(copy, call);
    const TempDirectory root("/dev/shm");
    Sample::prepare(root.path());
    crash_in_apply(root.path(), Operation::link, call);
    restore_by(copy, root.path());
    const auto report = recover(root.path());
    REQUIRE_OK(report);
    CHECK(tree_of(root.path()) == Sample::after());
    CHECK(private_of(root.path()).empty());
  }
}

TEST_CASE("a root that was copied to a new place with its journal is finished there", "[P12]") {
  const TempDirectory root("/dev/shm");
  const TempDirectory copy("/dev/shm");
  crash_half_way(root.path());
  shell(copy_all, root.path(), copy.path());
  const auto begun = Transaction::begin(copy.path());
  REQUIRE_OK(begun);
  CHECK(begun.value().recovery().journal);
  CHECK(tree_of(copy.path()) == Sample::after());
  REQUIRE_OK(recover(root.path()));
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a copy whose journal is the original's takes a decision", "[P12]") {
  const TempDirectory root("/dev/shm");
  const TempDirectory outside("/dev/shm");
  const TempDirectory copy("/dev/shm");
  Sample::prepare(root.path());
  TransactionOptions options;
  options.private_directory = (outside / "private").native();
  DyingFileSystem dying(native_file_system(), Operation::rename, 3);
  TransactionOptions fatal = options;
  fatal.system.files = &dying;
  REQUIRE_FALSE(Sample::run(root.path(), fatal).has_value());
  REQUIRE(fs::exists(outside / "private/j"));
  shell(copy_all, root.path(), copy.path());
  REQUIRE_FAILS(recovery_required, committed, recover(copy.path(), options));
  REQUIRE_OK(recover(root.path(), options));
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a copy that tells nothing takes a decision, and all of it is kept", "[P12]") {
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  crash_in_apply(root.path(), Operation::link, 1);  // nothing is done yet
  SECTION("it has new times") {
    restore_by(copy_without_times, root.path());
  }
  SECTION("somebody changed a path since") {
    restore_by(copy_all, root.path());
    spit(root / "sub/c", "theirs");
  }
  SECTION("somebody changed one that is to go") {
    restore_by(copy_all, root.path());
    spit(root / "b", "theirs");
  }
  SECTION("it was cut off in a staged file") {
    restore_by(copy_all, root.path());
    for (const auto& name : private_of(root.path())) {
      if (name.starts_with("s_")) fs::resize_file(root / ".perdure" / name, 1);
    }
  }
  check_undecided(root.path());
}

TEST_CASE("a file that somebody put back with its times is the one from before", "[P12]") {
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  crash_in_apply(root.path(), Operation::link, 1);
  shell("cp -p \"$1\" \"$2\" && mv \"$2\" \"$1\"", root / "sub/c", root / "sub/other");
  shell("cp -p \"$1\" \"$2\" && mv \"$2\" \"$1\"", root / "b", root / "sub/other");
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "sub/c") == "redo");
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a file of the same size and whole second is somebody else's all the same", "[P15]") {
  const TempDirectory root("/dev/shm");
  constexpr std::int64_t second_ns = 1'000'000'000;
  Sample::prepare(root.path());
  for (const char* path : {"b", "sub/c"}) set_mtime(root / path, second_ns);
  crash_in_apply(root.path(), Operation::link, 2);
  for (const char* path : {"b", "sub/c"}) {
    fs::remove(root / path);
    spit(root / path, "their");
    set_mtime(root / path, second_ns);
  }
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "b") == "foreign");
  CHECK(step_of(report.value(), "sub/c") == "foreign");
  CHECK(slurp(root / "sub/c") == "their");
}

TEST_CASE("a file system that numbers its files anew keeps nobody from recovery", "[P12]") {
  const Renumbering which = GENERATE(Renumbering::files, Renumbering::everything);
  for (std::uint64_t call = 2;; ++call) {
    CAPTURE(static_cast<int>(which), call);
    SimulatedFileSystem disk(presets::ext4);
    ManualEnvironment environment(7);
    TransactionOptions options;
    for (const char* path : {"r/a", "r/d/b", "r/d/c", "r/d/m"}) disk.put(path, "old");
    disk.set_renumbering(which);
    disk.sync_all();
    FaultyFileSystem dying(disk);
    dying.fail({.operation = {}, .call = call, .error = EIO, .from_then_on = true, .count = {}});
    options.system = {&dying, &environment};
    const auto committed = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/r", options));
      for (const char* path : {"a", "d/b", "d/n"}) {
        BOOST_OUTCOME_TRY(transaction.put(path, "new"));
      }
      BOOST_OUTCOME_TRY(transaction.remove("d/c"));
      BOOST_OUTCOME_TRY(transaction.move("d/m", "d/o"));
      BOOST_OUTCOME_TRY(transaction.commit());
      return success();
    }();
    disk.remount();
    options.system.files = &disk;
    const auto report = recover("/r", options);
    REQUIRE_OK(report);
    const auto content = [&](const char* path) { return disk.content(path).value_or(""); };
    const bool all = content("r/a") == "new";
    if (committed || report.value().journal) CHECK(all);
    CHECK(content("r/d/b") == (all ? "new" : "old"));
    CHECK(content("r/d/c") == (all ? "" : "old"));
    CHECK(content("r/d/n") == (all ? "new" : ""));
    CHECK(content("r/d/m") == (all ? "" : "old"));
    CHECK(content("r/d/o") == (all ? "old" : ""));
    if (committed) break;
    REQUIRE(call < 1000);
  }
}

// Recovery ended with the removal of all staged files: those of paths that it left alone, too.
TEST_CASE("recovery keeps the content of a path that it leaves alone, and says where", "[P15]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  spit(root / "sub/c", "theirs");
  RecoveryReport report;
  SECTION("by itself") {
    report = recover(root.path()).value();
  }
  SECTION("as a transaction begins") {
    report = Transaction::begin(root.path()).value().recovery();
  }
  SECTION("killed at any call") {
    for (std::uint64_t n = 1;; ++n) {
      FaultyFileSystem dying(native_file_system());
      dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
      const auto recovered = recover(root.path(), through(dying));
      REQUIRE(n < 1000);
      if (!recovered) continue;
      if (recovered.value().journal) report = recovered.value();
      break;
    }
    if (!report.journal) return;  // a call after the last one of the journal failed
  }
  CHECK(step_of(report, "sub/c") == "foreign");
  CHECK(slurp(root / "sub/c") == "theirs");
  CHECK(slurp(root / kept_of(report, "sub/c")) == "new c");
  CHECK(kept_of(report, "a").empty());
  CHECK(fs::path(kept_of(report, "sub/c")).parent_path() == report.set_aside);
  CHECK(private_of(root.path()) ==
        std::vector<std::string>{fs::path(report.set_aside).filename().native()});
  REQUIRE_OK(recover(root.path()));
  CHECK(slurp(root / kept_of(report, "sub/c")) == "new c");
}

TEST_CASE("a commit keeps the content of a path that it leaves alone, and says where", "[P15]") {
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  TransactionOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t /*total*/) {
    if (done == 1) {  // "a" comes first
      fs::remove(root / "sub/c");
      spit(root / "sub/c", "theirs");
    }
  };
  const auto receipt = Sample::run(root.path(), options);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"sub/c"});
  const auto kept = list(root / receipt.value().set_aside);
  REQUIRE(kept.size() == 1);
  CHECK(kept.front().starts_with(".c."));
  CHECK(slurp(root / receipt.value().set_aside / kept.front()) == "new c");
}

TEST_CASE("who begins is told that there was nothing to recover", "[P12]") {
  const TempDirectory root("/dev/shm");
  const auto begun = Transaction::begin(root.path());
  REQUIRE_OK(begun);
  CHECK_FALSE(begun.value().recovery().journal);
  CHECK(begun.value().recovery().paths.empty());
  CHECK(begun.value().recovery().discarded == 0);
}
