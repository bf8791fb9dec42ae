// SPDX-License-Identifier: BSL-1.0
// Directories that a transaction removes, with what is in them or after it.
#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

#include <perdure/files.hpp>

#include "crash.hpp"
#include "transaction/journal_format.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// old/{a, link, deep/{b, empty/}} and kept.
void plant(const fs::path& root) {
  fs::create_directories(root / "old/deep/empty");
  spit(root / "old/a", "A");
  spit(root / "old/deep/b", "B");
  fs::create_symlink("a", root / "old/link");
  spit(root / "kept", "K");
}

Result<TransactionReceipt> remove_old(const fs::path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, options));
  BOOST_OUTCOME_TRY(transaction.remove_all("old"));
  BOOST_OUTCOME_TRY(transaction.put("kept", "new"));
  return transaction.commit();
}

/// An error of `commit` that left everything as it was.
Error refused(const TempDirectory& root, Transaction& transaction) {
  const Tree before = tree_of(root.path());
  const auto receipt = transaction.commit();
  REQUIRE_FALSE(receipt);
  CHECK(receipt.error().fate == Fate::unchanged);
  CHECK(tree_of(root.path()) == before);
  CHECK(private_of(root.path()).empty());
  return receipt.error();
}

const Attempt attempt{plant, remove_old, Tree{{"kept", "new"}}};

}  // namespace

TEST_CASE("a directory goes with all that is in it", "[P11]") {
  const TempDirectory root;
  plant(root.path());
  const auto receipt = remove_old(root.path(), {});
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == Tree{{"kept", "new"}});
  CHECK(receipt.value().files == 7);
  CHECK(receipt.value().left_alone.empty());
  CHECK(private_of(root.path()).empty());
}

TEST_CASE("a directory goes when the transaction removes what is in it", "[P11]") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.remove_directory("old/deep/empty"));
  REQUIRE_OK(transaction.remove_directory("old/deep/empty"));  // said twice
  REQUIRE_OK(transaction.remove_directory("old/deep"));
  REQUIRE_OK(transaction.move("old/deep/b", "b"));
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(root.path()) ==
        Tree{{"old/", ""}, {"old/a", "A"}, {"old/link", "-> a"}, {"kept", "K"}, {"b", "B"}});
}

TEST_CASE("a directory that holds something else is a conflict, and all stays") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  SECTION("all along") {
    REQUIRE_OK(transaction.remove_directory("old/deep"));
    const Error error = refused(root, transaction);
    CHECK(error.kind == ErrorKind::conflict);
    CHECK_THAT(error.message(), Contains((root / "old/deep").native()) &&
                                    Contains("which this transaction does not remove"));
  }
  SECTION("that came since") {
    REQUIRE_OK(transaction.remove_all("old"));
    spit(root / "old/deep/new", "N");
    const Error error = refused(root, transaction);
    CHECK(error.kind == ErrorKind::conflict);
    CHECK_THAT(error.message(), Contains("'new'"));
  }
  SECTION("a lock") {
    REQUIRE_OK(write_file(root / "old/b", "B", {.expected = Version::absent()}));
    const auto removed = transaction.remove_all("old");
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message(), Contains(".perdure-lock") && Contains("clean --locks"));
  }
}

TEST_CASE("a directory that somebody puts something into behind the check stays, with that",
          "[P11]") {
  const TempDirectory root;
  plant(root.path());
  Meddling others(native_file_system());
  others.before_rmdir = [&] { spit(root / "old/late", "L"); };
  const auto receipt = remove_old(root.path(), through(others));
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == Tree{{"kept", "new"}, {"old/", ""}, {"old/late", "L"}});
  CHECK(receipt.value().left_alone == std::vector<std::string>{"old"});
}

TEST_CASE("a directory in the place of the one that was to go is somebody else's") {
  const TempDirectory root;
  plant(root.path());
  Meddling others(native_file_system());
  others.before_rmdir = [&] {
    fs::rename(root / "old", root / "elsewhere");
    fs::create_directory(root / "old");
  };
  const auto receipt = remove_old(root.path(), through(others));
  REQUIRE_OK(receipt);
  CHECK(fs::is_directory(root / "old"));
  CHECK(std::ranges::count(receipt.value().left_alone, "old") == 1);
}

TEST_CASE("the last word counts, for a directory too") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.make_directory("old/made"));
  REQUIRE_OK(transaction.put("old/made/n", "N"));
  REQUIRE_OK(transaction.put("old/a", "new"));
  REQUIRE_OK(transaction.remove_all("old"));
  CHECK(transaction.read("old/a").error().cause == std::errc::no_such_file_or_directory);
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(root.path()) == Tree{{"kept", "K"}});
}

// A name that sorts between a directory and what is in it hid the changes there.
TEST_CASE("changes beneath a path are dropped, whatever sorts before them") {
  const TempDirectory root;
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put("d-x", "X"));
  REQUIRE_OK(transaction.put("d/n", "N"));
  REQUIRE_OK(transaction.remove_all("d"));
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(root.path()) == Tree{{"d-x", "X"}});
}

TEST_CASE("nothing is put into a directory that goes") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.remove_all("old"));
  REQUIRE_OK(transaction.put("old/n", "N"));
  const Error error = refused(root, transaction);
  CHECK(error.kind == ErrorKind::invalid_argument);
  CHECK_THAT(error.message(), Contains("this transaction removes 'old'"));
}

TEST_CASE("a version is not expected in a directory that goes, and no lock is left there") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.expect("old/a", read_version(root / "old/a").value()));
  REQUIRE_OK(transaction.remove_all("old"));
  const Error error = refused(root, transaction);
  CHECK(error.kind == ErrorKind::invalid_argument);
  CHECK_THAT(error.message(), Contains("its lock would lie there"));
  CHECK_FALSE(fs::exists(root / "old/.a.perdure-lock"));
}

TEST_CASE("each directory that can't be removed is refused with its reason") {
  const TempDirectory root;
  plant(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  const auto words_of = [](const Result<void>& done) {
    REQUIRE_FALSE(done);
    return done.error().message();
  };
  CHECK_THAT(words_of(transaction.remove_directory("kept")), Contains("it is not a directory"));
  CHECK(transaction.remove_directory("none").error().cause == std::errc::no_such_file_or_directory);
  CHECK(transaction.remove_all("none").error().cause == std::errc::no_such_file_or_directory);
  CHECK_THAT(words_of(transaction.remove_all(".perdure")), Contains("private directory"));
  SECTION("a root of its own") {
    make_root(root / "old/deep");
    CHECK_THAT(words_of(transaction.remove_all("old")), Contains("root's marker"));
  }
  SECTION("a pipe") {
    REQUIRE(::mkfifo((root / "old/pipe").c_str(), 0600) == 0);
    REQUIRE_OK(transaction.remove_all("old"));
    CHECK(refused(root, transaction).kind == ErrorKind::not_regular);
  }
}

TEST_CASE("previous generations go with the directory of their state") {
  const TempDirectory root;
  plant(root.path());
  spit(root / "old/s", "1");
  spit(root / "old/.s.1.perdure-prev", "0");
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.remove_all("old"));
  REQUIRE_OK(transaction.commit());
  CHECK_FALSE(fs::exists(root / "old"));
}

TEST_CASE("a removal of directories that was killed anywhere is finished, and nothing is foreign",
          "[P12]") {
  check_each_kill(attempt);
}

TEST_CASE("a removal of directories fails at every call of every operation", "[P11][P19]") {
  /// An answer that no kernel gives, or that says that somebody else came.
  const auto is_lie = [](Operation operation, int error) {
    return (operation == Operation::unlink && error == ENOENT) ||
           (operation == Operation::remove_directory &&
            (error == ENOENT || error == ENOTEMPTY || error == EEXIST));
  };
  check_each_fault(attempt, is_lie);
}

TEST_CASE("a directory that came back between a crash and its recovery is left alone") {
  const TempDirectory root("/dev/shm");
  plant(root.path());
  DyingFileSystem dying(native_file_system(), Operation::remove_directory, 1);
  REQUIRE_FALSE(remove_old(root.path(), through(dying)));
  REQUIRE(inspect(root.path()).value().journal);
  fs::remove_all(root / "old");
  fs::create_directory(root / "old");
  spit(root / "old/a", "theirs");
  const auto recovered = recover(root.path());
  REQUIRE_OK(recovered);
  CHECK(slurp(root / "old/a") == "theirs");
  CHECK(step_of(recovered.value(), "old/a") == "foreign");
}

TEST_CASE("a journal that removes a directory is refused by programs that know no such removal") {
  Journal journal{.id = "0123456789abcdef", .entries = {}};
  journal.entries.push_back({.action = JournalAction::remove_directory, .path = "d"});
  CHECK_FALSE(decode_journal(encode_journal(journal)).has_value());  // in format 3
  journal.format = removal_journal_format;
  CHECK(decode_journal(encode_journal(journal)).has_value());
}
