// SPDX-License-Identifier: BSL-1.0
// Others change the same tree without asking: between the check and the rename, and between a crash
// and its recovery. Nothing that they made durable is undone, and no root is stuck for it.
#include <set>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "crash.hpp"
#include "transaction/journal_format.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

using Wishes = std::function<Result<void>(Transaction&)>;

/// A root on a simulated disk: d/a, d/b and e/c.
struct Disk {
  explicit Disk(const Preset& preset = presets::ext4) : files(preset) {
    for (const char* path : {"r/d/a", "r/d/b", "r/e/c"}) files.put(path, "old");
    run([](Transaction&) { return success(); });
    files.sync_all();
  }
  TransactionOptions options(FileSystem& through_files) {
    TransactionOptions made;
    made.system = {&through_files, &environment};
    return made;
  }
  Result<TransactionReceipt> run(const Wishes& wishes, FileSystem& through_files) {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/r", options(through_files)));
    BOOST_OUTCOME_TRY(wishes(transaction));
    return transaction.commit();
  }
  void run(const Wishes& wishes) { REQUIRE_OK(run(wishes, files)); }
  /// Dies before that call of `operation` since the journal has its name.
  void die(const Wishes& wishes, Operation operation, std::uint64_t number) {
    SimulatedFileSystem other(*find_preset("ext4"));
    for (const std::string& path : files.paths()) {
      if (path.starts_with("r/.perdure")) continue;
      if (path.ends_with('/')) other.make_directories(path.substr(0, path.size() - 1));
      if (!path.ends_with('/')) other.put(path, *files.content(path));
    }
    FaultyFileSystem rehearsal(other);
    (void)Transaction::begin("/r", options(other));
    REQUIRE_OK(run(wishes, rehearsal));
    std::uint64_t call = 0;
    bool committed = false;
    for (const Call& made : rehearsal.log()) {
      ++call;
      committed = committed || (made.operation == Operation::rename && made.name == "j");
      if (committed && made.operation == operation && --number == 0) break;
    }
    REQUIRE(number == 0);
    FaultyFileSystem dying(files);
    dying.fail({.call = call, .error = EIO, .from_then_on = true, .count = {}});
    REQUIRE_FALSE(run(wishes, dying).has_value());
    files.kill();
  }
  Result<RecoveryReport> recovered() { return recover("/r", options(files)); }
  std::string content(const std::string& path) {
    return files.content("r/" + path).value_or("(missing)");
  }
  /// The deed of somebody else, with plain calls; durable.
  template <class Change>
  void other(Change change) {
    const OwnedHandle root(files, files.open_directory(Handle::working_directory, "/r").value());
    change(root.get());
    files.sync_all();
  }
  void unlink(const std::string& directory, const std::string& name) {
    other([&](Handle root) {
      const OwnedHandle opened(files, files.open_beneath(root, directory).value());
      files.unlink(opened.get(), name).value();
    });
  }

  SimulatedFileSystem files;
  ManualEnvironment environment{7};
};

Result<void> put_three(Transaction& transaction) {
  BOOST_OUTCOME_TRY(transaction.put("d/a", "new"));
  BOOST_OUTCOME_TRY(transaction.put("d/b", "new"));
  return transaction.put("e/c", "new");
}

/// Does something of its own once the journal has its name.
struct Meanwhile final : ForwardingFileSystem {
  Meanwhile(FileSystem& below, std::function<void()> deed)
      : ForwardingFileSystem(below), change(std::move(deed)) {}
  std::function<void()> change;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    const auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    if (to == "j") change();
    return renamed;
  }
};

}  // namespace

TEST_CASE("a file that somebody replaced while we committed is theirs, and the receipt says so",
          "[P15]") {
  Disk disk;
  Meanwhile meanwhile(disk.files, [&] { disk.files.put("r/d/b", "theirs"); });
  const auto receipt = disk.run(put_three, meanwhile);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"d/b"});
  CHECK(disk.content("d/a") == "new");
  CHECK(disk.content("d/b") == "theirs");
  CHECK(disk.content("e/c") == "new");
  for (const std::string& path : disk.files.paths()) CHECK_FALSE(path.ends_with(".perdure-tmp"));
}

TEST_CASE("what somebody made, replaced or removed while we committed stays theirs", "[P15]") {
  Disk disk;
  Meanwhile meanwhile(disk.files, [&] {
    disk.files.put("r/d/n", "theirs");
    disk.files.put("r/d/b", "theirs");
    disk.unlink("d", "a");
  });
  const auto receipt = disk.run(
      [](Transaction& transaction) -> Result<void> {
        BOOST_OUTCOME_TRY(transaction.put("d/n", "new"));
        BOOST_OUTCOME_TRY(transaction.put("d/a", "new"));
        BOOST_OUTCOME_TRY(transaction.put("e/c", "new"));
        return transaction.remove("d/b");
      },
      meanwhile);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"d/a", "d/b", "d/n"});
  CHECK(disk.content("d/a") == "(missing)");
  CHECK(disk.content("d/b") == "theirs");
  CHECK(disk.content("d/n") == "theirs");
  CHECK(disk.content("e/c") == "new");
}

// The commit went on by the handle of its check, replaced the file in the directory that had gone
// away, and reported success.
TEST_CASE("a directory that somebody moves while we commit takes its files along", "[P15]") {
  Disk disk;
  const bool replaced = GENERATE(false, true);
  CAPTURE(replaced);
  Meanwhile meanwhile(disk.files, [&] {
    disk.other([&](Handle root) {
      disk.files.rename(root, "e", root, "e.old", RenameMode::replace).value();
      if (replaced) disk.files.make_directory(root, "e", 0755).value();
    });
  });
  const auto receipt = disk.run(put_three, meanwhile);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"e/c"});
  CHECK(disk.content("d/b") == "new");
  CHECK(disk.content("e/c") == "(missing)");
  CHECK(disk.content("e.old/c") == "old");
}

TEST_CASE("a file that is written into while we commit is replaced all the same", "[P15]") {
  Disk disk;
  Meanwhile meanwhile(disk.files, [&] {
    disk.other([&](Handle root) {
      const OwnedHandle d(disk.files, disk.files.open_beneath(root, "d").value());
      const OwnedHandle b(disk.files, disk.files.open_lock(d.get(), "b").value());
      disk.files.write_at(b.get(), 0, as_bytes(std::string("log"))).value();
    });
  });
  const auto receipt = disk.run(put_three, meanwhile);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone.empty());
  CHECK(disk.content("d/b") == "new");
}

TEST_CASE("recovery does not bring back what somebody removed, where a rename is one step",
          "[P12][P15]") {
  for (const Preset* preset : {&presets::ext4, &presets::xfs, &presets::btrfs}) {
    Disk disk(*preset);
    disk.die(put_three, Operation::link, 2);
    disk.unlink("d", "b");
    const auto report = disk.recovered();
    REQUIRE_OK(report);
    CHECK(step_of(report.value(), "d/b") == "foreign");
    CHECK(disk.content("d/b") == "(missing)");
    CHECK(disk.content("e/c") == "new");
  }
}

TEST_CASE("recovery takes a missing file for half of our rename where that is several steps",
          "[P12][P15]") {
  Disk disk(presets::split_rename);
  disk.die(put_three, Operation::link, 2);
  disk.unlink("d", "b");
  const auto report = disk.recovered();
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "d/b") == "redo");
  CHECK(disk.content("d/b") == "new");
}

TEST_CASE("a moved file that its writer goes on writing is moved all the same", "[P15]") {
  // A log is rotated; the program that has it open appends between crash and recovery. The file is
  // the same under both names, so that nothing is lost with the old one.
  Disk disk;
  disk.die([](Transaction& transaction) { return transaction.move("d/a", "d/z"); },
           Operation::unlink, 1);
  disk.other([&](Handle root) {
    const OwnedHandle d(disk.files, disk.files.open_beneath(root, "d").value());
    const OwnedHandle a(disk.files, disk.files.open_lock(d.get(), "a").value());
    disk.files.write_at(a.get(), 3, as_bytes(std::string(" and more"))).value();
  });
  const auto report = disk.recovered();
  REQUIRE_OK(report);
  CHECK(disk.content("d/a") == "(missing)");
  CHECK(disk.content("d/z") == "old and more");
}

TEST_CASE("a directory that somebody put in the place of another is left alone", "[P15]") {
  Disk disk;
  disk.die(put_three, Operation::link, 2);
  disk.other([&](Handle root) {
    disk.files.rename(root, "e", root, "e.old", RenameMode::replace).value();
    disk.files.make_directory(root, "e", 0755).value();
  });
  const auto report = disk.recovered();
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "e/c") == "foreign");
  CHECK(disk.content("e/c") == "(missing)");
  CHECK(disk.content("e.old/c") == "old");
  CHECK(disk.content("d/b") == "new");
}

TEST_CASE("a directory that somebody removed does not block the root forever", "[P12][P15]") {
  Disk disk;
  const Wishes wishes = [](Transaction& transaction) -> Result<void> {
    BOOST_OUTCOME_TRY(put_three(transaction));
    BOOST_OUTCOME_TRY(transaction.make_directory("e/n"));
    return transaction.put("e/n/x", "new");
  };
  disk.die(wishes, Operation::link, 2);
  disk.unlink("e", "c");
  disk.other([&](Handle root) { disk.files.remove_directory(root, "e").value(); });
  const auto seen = inspect("/r", disk.options(disk.files));
  REQUIRE_OK(seen);
  CHECK(step_of(seen.value(), "e/n/x") == "foreign");
  const auto report = disk.recovered();
  REQUIRE_OK(report);
  for (const char* path : {"e/c", "e/n", "e/n/x"})
    CHECK(step_of(report.value(), path) == "foreign");
  CHECK(disk.content("d/b") == "new");
  REQUIRE_OK(Transaction::begin("/r", disk.options(disk.files)));
}

TEST_CASE("a root that was copied with its journal takes a decision", "[P12][P15]") {
  // Every file has another identity there: a recovery would take all of them for changes by others,
  // and drop the journal over half of a transaction.
  Disk disk;
  disk.die(put_three, Operation::link, 2);
  disk.files.make_directories("copy");
  for (const std::string& path : disk.files.paths()) {
    if (!path.starts_with("r/")) continue;
    const std::string to = "copy/" + path.substr(2);
    if (path.ends_with('/')) disk.files.make_directories(to.substr(0, to.size() - 1), 0700);
    if (!path.ends_with('/')) disk.files.put(to, *disk.files.content(path), 0600);
  }
  const auto options = disk.options(disk.files);
  REQUIRE_FAILS(recovery_required, committed, recover("/copy", options));
  REQUIRE_OK(inspect("/copy", options));
  CHECK(disk.files.content("copy/e/c") == "old");
  REQUIRE_OK(abandon("/copy", options));
  REQUIRE_OK(recover("/r", options));
  CHECK(disk.content("e/c") == "new");
}

TEST_CASE("what somebody changes while a recovery runs is not undone by it", "[P12][P15]") {
  Disk disk;
  disk.die(put_three, Operation::link, 2);
  struct Late final : ForwardingFileSystem {
    explicit Late(Disk& below) : ForwardingFileSystem(below.files), disk(below) {}
    Disk& disk;
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      if (to == "j.copy") disk.files.put("r/e/c", "theirs");
      return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    }
  } late(disk);
  const auto report = recover("/r", disk.options(late));
  REQUIRE_OK(report);
  CHECK(step_of(report.value(), "e/c") == "foreign");
  CHECK(disk.content("e/c") == "theirs");
  CHECK(disk.content("d/b") == "new");
}

TEST_CASE("staged files are not collected before the removal of their journal is on the disk") {
  // Killed between the journal's removal and its sync; then the power goes. Without the sync the
  // journal is back and what it names is gone: a decision by a person, for nothing.
  Disk disk(presets::worst);
  disk.die(put_three, Operation::sync_directory, 4);
  REQUIRE_FALSE(disk.files.content("r/.perdure/j"));
  FaultyFileSystem watched(disk.files);
  REQUIRE_OK(recover("/r", disk.options(watched)));
  bool synced = false;
  for (const Call& call : watched.log()) {
    synced = synced || call.operation == Operation::sync_directory;
    if (call.operation == Operation::unlink && call.name.starts_with("s_")) CHECK(synced);
  }
  CHECK(synced);
}

// The journal and the staged files moved in the directory's order, with no sync in between.
TEST_CASE("giving up loses no staged file, whatever call it dies at and whatever reaches the disk",
          "[P12]") {
  const std::vector<std::string> contents{"new a", "new b", "new c"};
  const Wishes wishes = [&](Transaction& transaction) -> Result<void> {
    BOOST_OUTCOME_TRY(transaction.put("d/a", contents[0]));
    BOOST_OUTCOME_TRY(transaction.put("d/b", contents[1]));
    return transaction.put("e/c", contents[2]);
  };
  bool given_up = false;
  for (std::uint64_t n = 1; !given_up; ++n) {
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
      CAPTURE(n, seed);
      Disk disk(presets::worst);
      disk.die(wishes, Operation::link, 1);
      FaultyFileSystem dying(disk.files);
      dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
      given_up = abandon("/r", disk.options(dying)).has_value();
      disk.files.cut_power(Survivors::random, seed);
      if (!disk.recovered()) REQUIRE_OK(abandon("/r", disk.options(disk.files)));
      REQUIRE_OK(Transaction::begin("/r", disk.options(disk.files)));
      std::set<std::string> found;
      for (const std::string& path : disk.files.paths()) {
        if (!path.ends_with('/')) found.insert(*disk.files.content(path));
      }
      for (const std::string& content : contents) CHECK(found.contains(content));
    }
  }
}
