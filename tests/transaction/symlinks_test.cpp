// SPDX-License-Identifier: BSL-1.0
// Symbolic links that a transaction makes, moves, or takes over from another tree.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>

#include <perdure/clean.hpp>
#include <perdure/mirror.hpp>
#include <perdure/root.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "crash.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// Longer than what ext4 keeps in the inode itself.
const std::string long_text = "releases/" + std::string(100, 'r');

/// file, and a link that is current: {file, current -> old}.
void plant(const fs::path& root) {
  spit(root / "file", "F");
  fs::create_symlink("old", root / "current");
  spit(root / "kept", "K");
}

const Tree after{{"current", "-> " + long_text}, {"file", "-> ../gone"}, {"kept", "new"}};

/// A link in the place of a link, one in the place of a file, and a file.
Result<TransactionReceipt> switch_links(const fs::path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, options));
  BOOST_OUTCOME_TRY(transaction.put_symlink("current", long_text));
  BOOST_OUTCOME_TRY(transaction.put_symlink("file", "../gone"));
  BOOST_OUTCOME_TRY(transaction.put("kept", "new"));
  return transaction.commit();
}

Error error_of(const Result<void>& done) {
  REQUIRE_FALSE(done);
  return done.error();
}

const Attempt attempt{plant, switch_links, after};

}  // namespace

TEST_CASE("symbolic links are put with files, all or none", "[P11]") {
  const TempDirectory root;
  plant(root.path());
  const auto receipt = switch_links(root.path(), {});
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == after);
  CHECK(receipt.value().files == 3);
  CHECK(receipt.value().bytes == 3);  // of the file
  CHECK(private_of(root.path()).empty());
}

TEST_CASE("a link that the transaction makes is not read through") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put_symlink("current", "one"));
  CHECK(transaction.read("current").error().kind == ErrorKind::symlink_refused);
  CHECK(transaction.copy("current", "copy").error().kind == ErrorKind::symlink_refused);
}

// It said that links lead in a circle.
TEST_CASE("a link that is there is not read through, and the words say that it is one") {
  const TempDirectory root;
  spit(root / "one", "1");
  fs::create_symlink("one", root / "link");
  auto transaction = Transaction::begin(root.path()).value();
  const auto copied = transaction.copy("link", "copy");
  REQUIRE_FALSE(copied);
  CHECK(copied.error().cause == std::errc::too_many_symbolic_link_levels);
  CHECK_THAT(copied.error().message(), Contains((root / "link").native()) &&
                                           Contains("it is a symbolic link") &&
                                           !Contains("circle"));
}

TEST_CASE("a symbolic link becomes what the last call says") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put_symlink("a", "one"));
  REQUIRE_OK(transaction.put_symlink("a", "two"));
  REQUIRE_OK(transaction.put_symlink("b", "three"));
  REQUIRE_OK(transaction.remove("b"));
  REQUIRE_OK(transaction.put_symlink("c", "four"));
  REQUIRE_OK(transaction.put("c", "a file"));
  REQUIRE_OK(transaction.put("d", "a file"));
  REQUIRE_OK(transaction.put_symlink("d", "five"));
  REQUIRE_OK(transaction.put_symlink("e", "six"));
  REQUIRE_OK(transaction.move("e", "f"));
  REQUIRE_OK(transaction.move("current", "g"));
  const auto receipt = transaction.commit();
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == Tree{{"a", "-> two"},
                                     {"c", "a file"},
                                     {"d", "-> five"},
                                     {"f", "-> six"},
                                     {"file", "F"},
                                     {"g", "-> old"},
                                     {"kept", "K"}});
  CHECK(receipt.value().bytes == 6);
}

TEST_CASE("a link that can't be made is refused with its reason") {
  const TempDirectory root;
  plant(root.path());
  fs::create_directory(root / "d");
  auto transaction = Transaction::begin(root.path()).value();
  CHECK(error_of(transaction.put_symlink("x", "")).kind == ErrorKind::invalid_argument);
  CHECK(error_of(transaction.put_symlink("x", std::string("a\0b", 3))).kind ==
        ErrorKind::invalid_argument);
  CHECK(error_of(transaction.put_symlink("../x", "a")).kind == ErrorKind::invalid_argument);
  SECTION("a directory of that name") {
    REQUIRE_OK(transaction.put_symlink("d", "a"));
    const auto receipt = transaction.commit();
    REQUIRE_FAILS(not_regular, unchanged, receipt);
  }
  SECTION("a file beneath it") {
    REQUIRE_OK(transaction.put_symlink("n", "d"));
    REQUIRE_OK(transaction.put("n/x", "X"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.commit());
  }
  SECTION("a file over a link") {
    REQUIRE_OK(transaction.put("current", "X"));
    REQUIRE_FAILS(symlink_refused, unchanged, transaction.commit());
  }
  SECTION("a text that the file system does not take") {
    const Error error = error_of(transaction.put_symlink("x", std::string(5000, 'x')));
    CHECK(error.cause == std::errc::filename_too_long);
  }
}

TEST_CASE("a file system without symbolic links says so") {
  const TempDirectory root;
  FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = Operation::make_symlink,
               .call = 1,
               .error = EPERM,
               .from_then_on = {},
               .count = {}});
  auto transaction = Transaction::begin(root.path(), through(faulty)).value();
  const Error error = error_of(transaction.put_symlink("x", "y"));
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK_THAT(error.message(), Contains((root / "x").native()) && Contains("no symbolic links"));
}

TEST_CASE("a commit of links that was killed anywhere is finished or undone", "[P12]") {
  check_each_kill(attempt);
}

TEST_CASE("a commit of links fails at every call of every operation", "[P11][P19]") {
  check_each_fault(attempt, [](Operation operation, int error) {
    return operation == Operation::unlink && error == ENOENT;
  });
}

TEST_CASE("a root with links that was killed half-way and copied is finished", "[P12]") {
  for (std::uint64_t call = 1; call <= 3; ++call) {
    CAPTURE(call);
    const TempDirectory root("/dev/shm");
    plant(root.path());
    FaultyFileSystem counting(native_file_system());
    {
      const TempDirectory other("/dev/shm");
      plant(other.path());
      REQUIRE_OK(switch_links(other.path(), through(counting)));
    }
    // The trials link, too: the last three links put in place.
    const std::uint64_t links = counting.calls(Operation::link);
    DyingFileSystem dying(native_file_system(), Operation::link, links - 3 + call);
    REQUIRE_FALSE(switch_links(root.path(), through(dying)));
    const TempDirectory copy("/dev/shm");
    const std::string command =
        "cp -a '" + root.path().native() + "'/. '" + copy.path().native() + "'";
    REQUIRE(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): the paths are our own
    REQUIRE_OK(recover(copy.path()));
    CHECK(tree_of(copy.path()) == after);
  }
}

TEST_CASE("a link that somebody changed since the crash is left alone, and ours is kept") {
  const TempDirectory root("/dev/shm");
  plant(root.path());
  DyingFileSystem dying(native_file_system(), Operation::rename, 3);  // marker, journal, first path
  const auto killed = switch_links(root.path(), through(dying));
  REQUIRE_FALSE(killed);
  REQUIRE(inspect(root.path()).value().journal);
  fs::remove(root / "current");
  fs::create_symlink("theirs", root / "current");
  const auto recovered = recover(root.path());
  REQUIRE_OK(recovered);
  CHECK(step_of(recovered.value(), "current") == "foreign");
  CHECK(fs::read_symlink(root / "current") == "theirs");
  const auto told = std::ranges::find(recovered.value().paths, "current", &RecoveredPath::path);
  CHECK(fs::read_symlink(root / told->kept).native() == long_text);
}

TEST_CASE("links go by the journal where the root has a log") {
  const TempDirectory root;
  plant(root.path());
  auto opened = Root::open(root.path());
  if (!opened) return skip(opened.error().message());
  auto transaction = opened.value().begin().value();
  REQUIRE_OK(transaction.put_symlink("current", long_text));
  REQUIRE_OK(transaction.put("kept", "new"));
  const auto receipt = transaction.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().protocol != Protocol::logged);
  REQUIRE_OK(opened.value().put("kept", "newer"));
  REQUIRE_OK(opened.value().close());
  CHECK(tree_of(root.path()) ==
        Tree{{"current", "-> " + long_text}, {"file", "F"}, {"kept", "newer"}});
}

namespace {

/// {file, same -> x, odd -> ../y, was_link} to come, {file -> z, same -> x, odd -> old} there.
struct Trees {
  TempDirectory source;
  TempDirectory root;
  Trees() {
    spit(source / "file", "F");
    fs::create_symlink("x", source / "same");
    fs::create_symlink("../y", source / "odd");
    fs::create_symlink("z", root / "file");
    fs::create_symlink("x", root / "same");
    fs::create_symlink("old", root / "odd");
    fs::create_symlink("old", root / "gone");
  }
};

}  // namespace

TEST_CASE("a mirror has the links of its source where they were asked for", "[P11]") {
  const Trees trees;
  auto source = SourceTree::open(trees.source.path(), native_system(), {.symlinks = true});
  REQUIRE_OK(source);
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(source.value(), {});
  REQUIRE_OK(report);
  CHECK(report.value().put == 2);
  CHECK(report.value().unchanged == 1);
  CHECK(report.value().removed == 1);
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(trees.root.path()) == tree_of(trees.source.path()));
}

TEST_CASE("a source with links is refused where they were not asked for") {
  const Trees trees;
  const auto source = SourceTree::open(trees.source.path());
  REQUIRE_FALSE(source);
  CHECK(source.error().kind == ErrorKind::not_regular);
  CHECK_THAT(source.error().message(), Contains("symbolic link") && Contains("--symlinks"));
}

TEST_CASE("a link of the source that is exchanged while it is read is refused") {
  const Trees trees;
  auto source = SourceTree::open(trees.source.path(), native_system(), {.symlinks = true});
  REQUIRE_OK(source);
  fs::remove(trees.source / "odd");
  spit(trees.source / "odd", "a file now");
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(source.value(), {});
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().message(), Contains("odd") && Contains("somebody exchanged it"));
}
