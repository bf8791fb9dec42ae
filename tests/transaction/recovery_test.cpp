// SPDX-License-Identifier: BSL-1.0
// Recovery of what a crash left. The crash is a file system on which, from one call on, nothing
// works any more: what the transaction did before that stays.
#include <perdure/testing/faulty_file_system.hpp>

#include "crash.hpp"
#include "support/mount.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

TEST_CASE("the next begin finishes what a crash interrupted", "[P12]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  const auto before = inspect(root.path());
  REQUIRE_OK(before);
  CHECK(before.value().journal);
  CHECK(step_of(before.value(), "a") == "done");
  CHECK(step_of(before.value(), "sub/c") == "redo");
  REQUIRE_OK(Transaction::begin(root.path()));
  CHECK(tree_of(root.path()) == Sample::after());
  CHECK(private_of(root.path()).empty());
  CHECK_FALSE(inspect(root.path()).value().journal);
}

TEST_CASE("recovery does not depend on which call the crash came at, and may crash itself",
          "[P12]") {
  for (std::uint64_t call = 1; call <= 4; ++call) {
    const TempDirectory root("/dev/shm");
    Sample::prepare(root.path());
    crash_in_apply(root.path(), Operation::link, call);
    for (std::uint64_t n = 1;; ++n) {
      FaultyFileSystem dying(native_file_system());
      dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
      const bool recovered = recover(root.path(), through(dying)).has_value();
      if (recovered) break;
      REQUIRE(n < 1000);
    }
    CHECK(tree_of(root.path()) == Sample::after());
    CHECK(private_of(root.path()).empty());
  }
}

TEST_CASE("the journal that was found is made durable before anything depends on it", "[P12]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  FaultyFileSystem watched(native_file_system());
  REQUIRE_OK(recover(root.path(), through(watched)));
  bool renamed = false;
  bool durable = false;
  for (const Call& call : watched.log()) {
    if (call.operation == Operation::rename && call.name == "j.copy") renamed = true;
    if (renamed && call.operation == Operation::sync_directory) durable = true;
    if (call.operation == Operation::link) CHECK(durable);
  }
  CHECK(durable);
}

TEST_CASE("a file from before that the power cut took a piece of is still the one from before",
          "[P12]") {
  // Somebody wrote it and did not sync it; the transaction was committed on top, and died. Size and
  // time of modification went back to what had reached the disk: nobody changed it since.
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  fs::resize_file(root / "sub/c", 0);
  set_mtime(root / "sub/c", 1'000'000'000'000'000'000);
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "sub/c") == "redo");
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a later change by somebody else is left alone and reported", "[P15]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  spit(root / "sub/c", "theirs");
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "sub/c") == "foreign");
  Tree wanted = Sample::after();
  wanted["sub/c"] = "theirs";
  CHECK(tree_of(root.path()) == wanted);
}

TEST_CASE("a staged file that is gone takes a decision, and abandon is one", "[P12]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  for (const auto& name : private_of(root.path())) {
    if (name.starts_with("s_")) fs::remove(root / ".perdure" / name);
  }
  const Tree half = tree_of(root.path());
  REQUIRE_FAILS(recovery_required, committed, recover(root.path()));
  REQUIRE_FAILS(recovery_required, committed, Transaction::begin(root.path()));
  CHECK(tree_of(root.path()) == half);
  const auto report = abandon(root.path());
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "a") == "done");
  CHECK(step_of(report.value(), "sub/c") == "lost");
  CHECK(fs::exists(root / report.value().set_aside / "j"));
  CHECK(tree_of(root.path()) == half);
  REQUIRE_OK(Transaction::begin(root.path()));
}

// It kept the whole root in "recovery required", also for those who named nothing there.
TEST_CASE("a directory that became a file, a link or a mount keeps back its own paths alone",
          "[P12][P15]") {
  const TempDirectory root;
  crash_half_way(root.path());
  fs::rename(root / "sub", root / "moved");
  std::optional<Mount> mount;
  const std::string way = GENERATE("a file", "a link", "a mount");
  CAPTURE(way);
  if (way == "a file") spit(root / "sub", "theirs");
  if (way == "a link") fs::create_symlink("moved", root / "sub");
  if (way == "a mount") {
    if (!can_mount()) return skip("this process may not mount");
    fs::create_directory(root / "sub");
    fs::create_directory(root / "elsewhere");
    mount.emplace(
        std::vector<std::string>{"--bind", (root / "elsewhere").native(), (root / "sub").native()});
    REQUIRE(mount->error().empty());
  }
  const auto seen = inspect(root.path());
  REQUIRE_OK(seen);
  CHECK(step_of(seen.value(), "sub/c") == "foreign");
  SECTION("recovered") {
    const auto report = recover(root.path());
    REQUIRE_OK(report);
    CHECK(step_of(report.value(), "sub/c") == "foreign");
    for (const auto& path : report.value().paths) {
      if (path.path == "sub/c") CHECK(slurp(root / path.kept) == Sample::after().at("sub/c"));
      if (!path.path.starts_with("sub/")) CHECK(path.step != RecoveryStep::foreign);
    }
  }
  SECTION("given up") {
    const Tree found = tree_of(root.path());
    const auto report = abandon(root.path());
    REQUIRE_OK(report);
    CHECK(step_of(report.value(), "sub/c") == "foreign");
    CHECK(fs::exists(root / report.value().set_aside / "j"));
    CHECK(tree_of(root.path()) == found);
  }
  REQUIRE_OK(Transaction::begin(root.path()));
}

// The proof's: what was a link for one moment was passed over, and half of the transaction settled.
TEST_CASE("a directory that was a link for a moment is not passed over by recovery", "[P12][P17]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  FaultyFileSystem swapped(native_file_system());
  swapped.fail({.operation = Operation::open_beneath, .call = 2, .error = ELOOP});
  REQUIRE_FAILS(system, committed, recover(root.path(), through(swapped)));
  REQUIRE(swapped.fired() == 1);
  REQUIRE_OK(recover(root.path()));
  CHECK(tree_of(root.path()) == Sample::after());
}

TEST_CASE("a root can be given up whatever keeps its paths from being looked at", "[P12]") {
  const TempDirectory root("/dev/shm");
  crash_half_way(root.path());
  FaultyFileSystem failing(native_file_system());
  failing.fail({.operation = Operation::stat_at, .call = 4, .error = EIO, .from_then_on = true});
  REQUIRE_FALSE(inspect(root.path(), through(failing)).has_value());
  failing.restart();
  const auto report = abandon(root.path(), through(failing));
  REQUIRE_OK(report);
  CHECK_THAT(report.value().damage, Contains(std::generic_category().message(EIO)));
  CHECK(fs::exists(root / report.value().set_aside / "j"));
  REQUIRE_OK(Transaction::begin(root.path()));
}

namespace {

std::vector<std::string> apply_temps_beneath(const fs::path& root) {
  std::vector<std::string> temps;
  for (const auto& [path, content] : tree_of(root)) {
    if (path.ends_with(".perdure-put")) temps.push_back(path);
  }
  return temps;
}

/// Dies at the rename of `sub/c`, when its apply temp lies beside it; returns that one's path.
std::string crash_beside_apply_temp(const fs::path& root) {
  Sample::prepare(root);
  crash_in_apply(root, Operation::rename,
                 4);  // those of the journal, of "a" and of "n/d" went well
  const auto temps = apply_temps_beneath(root);
  REQUIRE(temps.size() == 1);
  REQUIRE(temps.front().starts_with("sub/.c."));
  return temps.front();
}

}  // namespace

TEST_CASE("a root that is given up keeps no apply temp that its journal names", "[P16]") {
  const TempDirectory root("/dev/shm");
  const std::string temp = crash_beside_apply_temp(root.path());
  const std::string name = fs::path(temp).filename().native();
  Tree wanted = tree_of(root.path());
  wanted.erase(temp);
  SECTION("it goes to the evidence") {
    const auto report = abandon(root.path());
    REQUIRE_OK(report);
    CHECK(report.value().damage.empty());
    CHECK(tree_of(root.path()) == wanted);
    CHECK(slurp(root / report.value().set_aside / name) == "new c");
  }
  SECTION("also where it is the last copy of its content") {
    for (const auto& staged : private_of(root.path())) {
      if (staged.starts_with("s_")) fs::remove(root / ".perdure" / staged);
    }
    const auto report = abandon(root.path());
    REQUIRE_OK(report);
    CHECK(tree_of(root.path()) == wanted);
    CHECK(slurp(root / report.value().set_aside / name) == "new c");
  }
  SECTION("also from a directory that was copied") {
    fs::rename(root / "sub", root / "old");
    fs::create_directory(root / "sub");
    for (const auto& entry : list(root / "old")) {
      spit(root / "sub" / entry, slurp(root / "old" / entry));
    }
    fs::remove_all(root / "old");
    REQUIRE_OK(abandon(root.path()));
    CHECK(tree_of(root.path()) == wanted);
  }
  SECTION("not through a link, nor of another name") {
    fs::rename(root / "sub", root / "moved");
    fs::create_symlink("moved", root / "sub");
    spit(root / ".a.0123456789abcdef.perdure-put", "of another transaction");
    wanted = tree_of(root.path());
    const auto report = abandon(root.path());
    REQUIRE_OK(report);
    CHECK(report.value().damage.find(name) != std::string::npos);
    CHECK(tree_of(root.path()) == wanted);
  }
  REQUIRE_OK(Transaction::begin(root.path()));
}

TEST_CASE("apply temps leave their directories, on the disk, before the journal is set aside",
          "[P12][P16]") {
  const TempDirectory root("/dev/shm");
  (void)crash_beside_apply_temp(root.path());
  FaultyFileSystem watched(native_file_system());
  REQUIRE_OK(abandon(root.path(), through(watched)));
  bool moved = false;
  bool settled = false;
  // The evidence, the private directory, and the one that the temp lay in; the first two again for
  // the staged files.
  int synced = 0;
  for (const Call& call : watched.log()) {
    if (call.operation == Operation::rename && call.name.ends_with(".perdure-put")) moved = true;
    if (moved && call.operation == Operation::sync_directory) ++synced;
    if (call.operation == Operation::rename && call.name == "j") settled = synced == 5;
  }
  CHECK(settled);
}

namespace {

/// Lists the journal before all that it names.
struct JournalFirst final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<std::vector<DirectoryEntry>> list(Handle directory) override {
    auto entries = ForwardingFileSystem::list(directory);
    if (entries) std::ranges::sort(entries.value(), {}, &DirectoryEntry::name);
    return entries;
  }
};

/// Whether the file is at its path, or in some evidence.
bool is_somewhere(const fs::path& root, const std::string& path, const std::string& content) {
  if (fs::exists(root / path) && slurp(root / path) == content) return true;
  for (const std::string& name : private_of(root)) {
    if (!name.starts_with("abandoned-")) continue;
    for (const std::string& kept : list(root / ".perdure" / name)) {
      if (slurp(root / ".perdure" / name / kept) == content) return true;
    }
  }
  return false;
}

}  // namespace

// The journal went before the staged files, which the next begin then took for uncommitted ones.
TEST_CASE(
    "giving up that dies at any call loses no staged file, and leaves no apply temp that no "
    "journal names",
    "[P12][P16]") {
  for (std::uint64_t n = 1;; ++n) {
    CAPTURE(n);
    const TempDirectory root("/dev/shm");
    (void)crash_beside_apply_temp(root.path());
    JournalFirst sorted(native_file_system());
    FaultyFileSystem dying(sorted);
    dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    const bool given_up = abandon(root.path(), through(dying)).has_value();
    if (!recover(root.path())) REQUIRE_OK(abandon(root.path()));
    CHECK(apply_temps_beneath(root.path()).empty());
    REQUIRE_OK(Transaction::begin(root.path()));
    for (const auto& [path, content] : Sample::files_after()) {
      CAPTURE(path);
      CHECK(is_somewhere(root.path(), path, content));
    }
    if (given_up) break;
    REQUIRE(n < 1000);
  }
}

TEST_CASE("an apply temp that can't be moved keeps nobody from giving the root up", "[P16]") {
  const TempDirectory root("/dev/shm");
  const std::string temp = crash_beside_apply_temp(root.path());
  FaultyFileSystem failing(native_file_system());
  // Two others before it are looked for and are not there.
  failing.fail({.operation = Operation::rename, .call = 3, .error = EXDEV});
  const auto report = abandon(root.path(), through(failing));
  REQUIRE_OK(report);
  CHECK(report.value().damage.find(temp) != std::string::npos);
  CHECK(apply_temps_beneath(root.path()) == std::vector<std::string>{temp});
  CHECK(fs::exists(root / report.value().set_aside / "j"));
  REQUIRE_OK(Transaction::begin(root.path()));
}

TEST_CASE("staged files without a journal were never committed", "[P12]") {
  const TempDirectory root("/dev/shm");
  make_root(root.path());
  spit(root / ".perdure/s_0123456789abcdef_0", "x");
  spit(root / ".perdure/j.tmp", "half a journal");
  spit(root / ".perdure/mine", "not a staged file");
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(report.value().discarded == 1);
  CHECK(private_of(root.path()) == std::vector<std::string>{"mine"});
}
