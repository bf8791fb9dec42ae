// SPDX-License-Identifier: BSL-1.0
// Paths that change between file and directory.
#include <algorithm>
#include <cerrno>

#include <perdure/root.hpp>

#include "crash.hpp"
#include "transaction/journal_format.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// Directories d/{x, sub/y} and e, files f and m, link -> f.
void plant(const fs::path& root) {
  fs::create_directories(root / "d/sub");
  fs::create_directory(root / "e");
  spit(root / "d/x", "X");
  spit(root / "d/sub/y", "Y");
  spit(root / "f", "F");
  spit(root / "m", "M");
  fs::create_symlink("f", root / "link");
}

const Tree changed{{"d", "file"}, {"e", "-> d"},   {"f/", ""},       {"f/n", "N"},
                   {"link/", ""}, {"link/y", "Y"}, {"link/in/", ""}, {"link/in/n", "N"},
                   {"m/", ""},    {"m/m", "M"}};

/// Every kind of it at once: a file and a link in the place of directories, directories in those of
/// a file, of a link and of a file that is moved into it.
Result<TransactionReceipt> change(const fs::path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, options));
  BOOST_OUTCOME_TRY(transaction.move("d/sub/y", "y"));
  BOOST_OUTCOME_TRY(transaction.remove_all("d"));
  BOOST_OUTCOME_TRY(transaction.put("d", "file"));
  BOOST_OUTCOME_TRY(transaction.remove_directory("e"));
  BOOST_OUTCOME_TRY(transaction.put_symlink("e", "d"));
  BOOST_OUTCOME_TRY(transaction.remove("f"));
  BOOST_OUTCOME_TRY(transaction.make_directory("f"));
  BOOST_OUTCOME_TRY(transaction.put("f/n", "N"));
  BOOST_OUTCOME_TRY(transaction.remove_all("link"));
  BOOST_OUTCOME_TRY(transaction.make_directory("link"));
  BOOST_OUTCOME_TRY(transaction.make_directory("link/in"));
  BOOST_OUTCOME_TRY(transaction.put("link/in/n", "N"));
  BOOST_OUTCOME_TRY(transaction.move("y", "link/y"));
  BOOST_OUTCOME_TRY(transaction.move("m", "m/m"));
  BOOST_OUTCOME_TRY(transaction.make_directory("m"));
  return transaction.commit();
}

const Attempt attempt{plant, change, changed};

bool is_left_alone(const TransactionReceipt& receipt, const std::string& path) {
  return std::ranges::count(receipt.left_alone, path) == 1;
}

}  // namespace

TEST_CASE("paths change between file and directory", "[P11]") {
  const TempDirectory root;
  plant(root.path());
  const auto receipt = change(root.path(), {});
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == changed);
  CHECK(receipt.value().left_alone.empty());
  CHECK(private_of(root.path()).empty());
}

TEST_CASE("the last word on a path counts, file or directory") {
  const TempDirectory root;
  plant(root.path());
  const Tree before = tree_of(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  SECTION("a file in the place of a directory, and then nothing") {
    REQUIRE_OK(transaction.remove_all("d"));
    REQUIRE_OK(transaction.put("d", "file"));
    CHECK(as_text(transaction.read("d").value()) == "file");
    REQUIRE_OK(transaction.remove("d"));
    REQUIRE_OK(transaction.commit());
    CHECK(tree_of(root.path()) == Tree{{"e/", ""}, {"f", "F"}, {"link", "-> f"}, {"m", "M"}});
  }
  SECTION("a directory that is emptied, and stays") {
    REQUIRE_OK(transaction.remove_all("d"));
    REQUIRE_OK(transaction.make_directory("d"));
    REQUIRE_OK(transaction.put("d/n", "N"));
    REQUIRE_OK(transaction.commit());
    CHECK(tree_of(root.path()) ==
          Tree{{"d/", ""}, {"d/n", "N"}, {"e/", ""}, {"f", "F"}, {"link", "-> f"}, {"m", "M"}});
  }
  SECTION("a directory in the place of a file, with what was to be in it, and then nothing") {
    REQUIRE_OK(transaction.remove("f"));
    REQUIRE_OK(transaction.make_directory("f"));
    REQUIRE_OK(transaction.put("f/n", "N"));
    CHECK(as_text(transaction.read("f/n").value()) == "N");
    CHECK(transaction.read("f/none").error().cause == std::errc::no_such_file_or_directory);
    REQUIRE_OK(transaction.remove_all("f"));
    REQUIRE_OK(transaction.commit());
    CHECK_FALSE(fs::exists(root / "f"));
  }
  SECTION("a directory in the place of a file, in which nothing is expected") {
    REQUIRE_OK(transaction.remove("f"));
    REQUIRE_OK(transaction.make_directory("f"));
    REQUIRE_OK(transaction.expect_absent("f/n"));
    REQUIRE_OK(transaction.put("f/n", "N"));
    REQUIRE_OK(transaction.commit());
    CHECK(slurp(root / "f/n") == "N");
  }
  SECTION("a directory in the place of a file, and then a file again") {
    REQUIRE_OK(transaction.remove("f"));
    REQUIRE_OK(transaction.make_directory("f"));
    REQUIRE_OK(transaction.put("f", "again"));
    REQUIRE_OK(transaction.commit());
    CHECK(slurp(root / "f") == "again");
  }
  SECTION("a file in the place of a directory is moved on: the directory goes") {
    REQUIRE_OK(transaction.remove_directory("e"));
    REQUIRE_OK(transaction.put("e", "file"));
    REQUIRE_OK(transaction.move("e", "g"));
    REQUIRE_OK(transaction.commit());
    CHECK_FALSE(fs::exists(root / "e"));
    CHECK(slurp(root / "g") == "file");
  }
  SECTION("nothing is put beneath a file") {
    REQUIRE_OK(transaction.remove_all("d"));
    REQUIRE_OK(transaction.put("d", "file"));
    REQUIRE_OK(transaction.put("d/n", "N"));
    const auto receipt = transaction.commit();
    REQUIRE_FALSE(receipt);
    CHECK(receipt.error().fate == Fate::unchanged);
    CHECK_THAT(receipt.error().message(), Contains("'d' is a file in this transaction"));
    CHECK(tree_of(root.path()) == before);
  }
}

TEST_CASE("what is in the way goes only by a removal") {
  const TempDirectory root;
  plant(root.path());
  const Tree before = tree_of(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  CHECK(transaction.make_directory("f").error().kind == ErrorKind::exists);
  REQUIRE_OK(transaction.put("d", "file"));
  const auto receipt = transaction.commit();
  REQUIRE_FALSE(receipt);
  CHECK(receipt.error().kind == ErrorKind::not_regular);
  CHECK(receipt.error().fate == Fate::unchanged);
  CHECK(tree_of(root.path()) == before);
}

TEST_CASE("changes between file and directory go by a journal where the root has a log") {
  const TempDirectory root;
  plant(root.path());
  auto open = Root::open(root.path(), {}).value();
  auto first = open.begin().value();
  REQUIRE_OK(first.put("f", "newer"));  // in the log, maybe not in place
  REQUIRE_OK(first.commit());
  auto transaction = open.begin().value();
  REQUIRE_OK(transaction.remove("f"));
  REQUIRE_OK(transaction.make_directory("f"));
  REQUIRE_OK(transaction.put("f/n", "N"));
  REQUIRE_OK(transaction.remove_all("d"));
  REQUIRE_OK(transaction.put("d", "file"));
  const auto receipt = transaction.commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().protocol != Protocol::logged);
  REQUIRE_OK(open.put("f/n", "newer"));
  REQUIRE_OK(open.put("d", "newer"));
  REQUIRE_OK(open.close());
  CHECK(
      tree_of(root.path()) ==
      Tree{{"d", "newer"}, {"e/", ""}, {"f/", ""}, {"f/n", "newer"}, {"link", "-> f"}, {"m", "M"}});
}

TEST_CASE("a root with a log goes on in a directory that was a file for a while") {
  const TempDirectory root;
  fs::create_directory(root / "d");
  auto open = Root::open(root.path(), {}).value();
  REQUIRE_OK(open.put("d/x", "1"));  // the directory is known from here on
  auto away = open.begin().value();
  REQUIRE_OK(away.remove_all("d"));
  REQUIRE_OK(away.put("d", "file"));
  REQUIRE_OK(away.commit());
  auto back = open.begin().value();
  REQUIRE_OK(back.remove("d"));
  REQUIRE_OK(back.make_directory("d"));
  REQUIRE_OK(back.put("d/x", "2"));
  REQUIRE_OK(back.commit());
  REQUIRE_OK(open.put("d/x", "3"));
  REQUIRE_OK(open.put("d/y", "4"));
  REQUIRE_OK(open.close());
  CHECK(tree_of(root.path()) == Tree{{"d/", ""}, {"d/x", "3"}, {"d/y", "4"}});
}

TEST_CASE("what others make of a path behind the check stays", "[P11]") {
  const TempDirectory root;
  plant(root.path());
  Meddling others(native_file_system());
  SECTION("a file in a directory that a file was to replace") {
    others.before_rmdir = [&] { spit(root / "d/late", "L"); };
    const auto receipt = change(root.path(), through(others));
    REQUIRE_OK(receipt);
    CHECK(is_left_alone(receipt.value(), "d"));
    CHECK(slurp(root / "d/late") == "L");
    CHECK_FALSE(receipt.value().set_aside.empty());  // the new content of d
  }
  SECTION("another file where a directory was to be") {
    others.after_journal = [&] {
      spit(root / "new", "theirs");
      fs::rename(root / "new", root / "f");
    };
    const auto receipt = change(root.path(), through(others));
    REQUIRE_OK(receipt);
    CHECK(is_left_alone(receipt.value(), "f"));
    CHECK(is_left_alone(receipt.value(), "f/n"));
    CHECK(slurp(root / "f") == "theirs");
    CHECK_FALSE(receipt.value().set_aside.empty());
  }
  SECTION("the file itself is gone") {
    others.after_journal = [&] { fs::remove(root / "f"); };
    REQUIRE_OK(change(root.path(), through(others)));
    CHECK(tree_of(root.path()) == changed);  // as by a recovery, which can't tell who removed it
  }
}

TEST_CASE(
    "a change between file and directory that was killed anywhere is finished, and nothing "
    "is foreign",
    "[P12]") {
  check_each_kill(attempt);
}

TEST_CASE("a recovery of such a change that is killed anywhere is finished by the next", "[P12]") {
  for (std::uint64_t n = 1;; ++n) {
    CAPTURE(n);
    const TempDirectory root("/dev/shm");
    plant(root.path());
    DyingFileSystem dying(native_file_system(), Operation::remove_directory, 4);
    REQUIRE_FALSE(change(root.path(), through(dying)));
    REQUIRE(inspect(root.path()).value().journal);
    FaultyFileSystem again(native_file_system());
    again.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    const bool whole = recover(root.path(), through(again)).has_value();
    REQUIRE_OK(recover(root.path()));
    CHECK(tree_of(root.path()) == changed);
    if (whole && again.fired() == 0) break;
  }
}

TEST_CASE("a change between file and directory fails at every call of every operation",
          "[P11][P19]") {
  /// An answer that no kernel gives, or that says that somebody else came.
  const auto is_lie = [](Operation operation, int error) {
    return (operation == Operation::unlink && error == ENOENT) ||
           (operation == Operation::remove_directory &&
            (error == ENOENT || error == ENOTEMPTY || error == EEXIST)) ||
           (operation == Operation::make_directory && error == EEXIST);
  };
  check_each_fault(attempt, is_lie);
}

TEST_CASE("what others make of such a path between a crash and its recovery is left alone") {
  const TempDirectory root("/dev/shm");
  plant(root.path());
  DyingFileSystem dying(native_file_system(), Operation::remove_directory, 4);
  REQUIRE_FALSE(change(root.path(), through(dying)));
  REQUIRE(inspect(root.path()).value().journal);
  SECTION("a file for the directory that was to be a file") {
    fs::remove_all(root / "d");
    spit(root / "d", "theirs");
    const auto recovered = recover(root.path());
    REQUIRE_OK(recovered);
    CHECK(step_of(recovered.value(), "d") == "foreign");
    CHECK(step_of(recovered.value(), "d/x") == "done");
    CHECK(slurp(root / "d") == "theirs");
    CHECK_FALSE(recovered.value().set_aside.empty());
  }
  SECTION("a file for the directory that was made of a file") {
    fs::remove_all(root / "f");
    spit(root / "f", "theirs");
    const auto recovered = recover(root.path());
    REQUIRE_OK(recovered);
    CHECK(step_of(recovered.value(), "f") == "foreign");
    CHECK(step_of(recovered.value(), "f/n") == "foreign");
    CHECK(slurp(root / "f") == "theirs");
    CHECK_FALSE(recovered.value().set_aside.empty());
  }
  CHECK(private_of(root.path()).size() == 1);  // what was set aside
}

TEST_CASE(
    "a journal that changes the type of a path is refused by programs that know no such "
    "change") {
  Journal journal{.id = "0123456789abcdef", .entries = {}};
  journal.entries.push_back({.action = JournalAction::make_directory,
                             .path = "d",
                             .before = Before{},
                             .changes_type = true});
  CHECK_FALSE(decode_journal(encode_journal(journal)).has_value());  // in format 3
  journal.format = removal_journal_format;
  CHECK_FALSE(decode_journal(encode_journal(journal)).has_value());
  journal.format = type_change_journal_format;
  const auto decoded = decode_journal(encode_journal(journal));
  REQUIRE_OK(decoded);
  CHECK(decoded.value().entries.front().changes_type);
  journal.entries.front().action = JournalAction::remove;
  CHECK_FALSE(decode_journal(encode_journal(journal)).has_value());
}
