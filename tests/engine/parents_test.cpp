// SPDX-License-Identifier: BSL-1.0
// Directories that are made on the way, and whose names must last as long as what is in them.
#include <cerrno>

#include <perdure/perdure.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "engine/confirm.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// Commits that make what is missing, below a directory of their own.
struct Maker {
  explicit Maker(Durability durability = Durability::durable) { options.durability = durability; }

  Result<Receipt> write(const std::string& target) {
    return write_file(directory.path() / target, "new", options, system);
  }
  void fail_sync(std::uint64_t call, int error, bool from_then_on = false) {
    files.fail({.operation = Operation::sync_directory,
                .call = call,
                .error = error,
                .from_then_on = from_then_on});
  }
  [[nodiscard]] std::uint64_t syncs() const { return files.calls(Operation::sync_directory); }

  TempDirectory directory;
  WriteOptions options{.make_parents = true};
  FaultyFileSystem files{native_file_system()};
  System system{.files = &files, .environment = &native_environment()};
};

}  // namespace

TEST_CASE("parents are created when asked for") {
  Maker maker;
  const auto target = maker.directory / "a" / "b" / "c" / "target";
  const auto refused = write_file(target, "new");
  REQUIRE_FAILS(system, unchanged, refused);
  CHECK(refused.error().cause == std::errc::no_such_file_or_directory);
  CHECK(test::list(maker.directory.path()).empty());

  REQUIRE_OK(maker.write("a/b/c/target"));
  CHECK(test::slurp(target) == "new");
  CHECK(maker.files.calls(Operation::make_directory) == 3);
  CHECK(maker.syncs() == 1 + 3 + 1);  // the name that was found, each new one, and the target's
  CHECK(maker.files.handles_open() == 0);
}

TEST_CASE("a parent that is there is synced: its maker may have been killed before its sync",
          "[P3]") {
  Maker maker;
  boost::filesystem::create_directory(maker.directory / "a");
  REQUIRE_OK(maker.write("a/target"));
  CHECK(maker.files.calls(Operation::make_directory) == 0);
  CHECK(maker.syncs() == 2);  // what is above `a`, and `a`
  // A bound writer does it once for all its commits.
  const auto writer = AtomicWriter::bind(maker.directory / "a", maker.options, maker.system);
  REQUIRE_OK(writer);
  for (int i = 0; i < 3; ++i) REQUIRE_OK(writer.value().commit("target", "newer"));
  CHECK(maker.syncs() == 2 + 1 + 3);
}

// A commit of less than durable left its new directory unsynced, and a durable commit into it was
// acknowledged: the power cut took both.
TEST_CASE("a directory that is made is synced whatever the durability", "[P3]") {
  for (const auto durability : {Durability::ordered, Durability::none}) {
    Maker maker(durability);
    REQUIRE_OK(maker.write("a/b/target"));
    CHECK(maker.syncs() == 2);
    REQUIRE_OK(maker.write("a/b/target"));
    CHECK(maker.syncs() == 2);  // nothing was made, nothing is promised
  }
}

// It stayed, and the next commit found it, took its name for durable, and was acknowledged.
TEST_CASE("a directory whose name could not be synced does not stay", "[P16]") {
  for (const auto durability : {Durability::durable, Durability::ordered}) {
    Maker maker(durability);
    maker.fail_sync(durability == Durability::durable ? 3 : 2, EIO);  // after the name found
    const auto failed = maker.write("a/b/target");
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().step == "sync the directory's name");
    CHECK(failed.error().path == (maker.directory / "a" / "b").native());
    CHECK(test::list(maker.directory / "a").empty());
  }
}

TEST_CASE("a directory that stays all the same is named") {
  Maker maker;
  maker.fail_sync(2, EIO);
  maker.files.fail({.operation = Operation::remove_directory, .error = EIO});
  const auto failed = maker.write("a/target");
  REQUIRE_FAILS(system, unchanged, failed);
  CHECK(failed.error().step == "sync the directory's name");
  CHECK(failed.error().path == (maker.directory / "a").native());
}

// The kernel tells of a lost block once. A commit that shares the directory above would hear
// nothing.
TEST_CASE("a failed sync of a parent's name is known to the other commits of this process",
          "[P4]") {
  Maker maker;
  maker.fail_sync(2, EIO);
  const std::uint64_t mark = failed_syncs();
  REQUIRE_FAILS(system, unchanged, maker.write("a/target"));
  CHECK(failed_syncs() == mark + 1);
  maker.fail_sync(1, EINVAL, true);  // nothing is lost where a directory can't be synced
  REQUIRE_FAILS(unsupported, unchanged, maker.write("a/target"));
  CHECK(failed_syncs() == mark + 1);
}

TEST_CASE("where directories can't be synced, parents are made for commits that don't need it") {
  Maker ordered(Durability::ordered);
  ordered.fail_sync(1, EINVAL, true);
  REQUIRE_OK(ordered.write("a/target"));
  CHECK(test::slurp(ordered.directory / "a" / "target") == "new");

  Maker durable;
  durable.fail_sync(1, EINVAL, true);
  REQUIRE_FAILS(unsupported, unchanged, durable.write("a/target"));
  CHECK(test::list(durable.directory.path()).empty());
}

TEST_CASE("parents are created in a relative path with a trailing slash or dots") {
  const Maker maker;
  REQUIRE_OK(AtomicWriter::bind((maker.directory / "a" / "b").native() + "/", maker.options));
  REQUIRE_OK(AtomicWriter::bind(maker.directory / "c" / "." / "d", maker.options));
  CHECK(boost::filesystem::is_directory(maker.directory / "a" / "b"));
  CHECK(boost::filesystem::is_directory(maker.directory / "c" / "d"));
}
