// SPDX-License-Identifier: BSL-1.0
// The words by which a transaction refuses a path: each is asserted here alone. Other tests assert
// kind, fate and step.
#include <cctype>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "mounted.hpp"
#include "transaction/journal_format.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// Commits a file at this path.
std::string put_at(const TempDirectory& root, const std::string& path,
                   const TransactionOptions& options = {}) {
  auto transaction = Transaction::begin(root.path(), options).value();
  if (const auto put = transaction.put(path, "x"); !put) return words_of(put);
  return words_of(transaction.commit());
}

std::string own_name(const TempDirectory& root) {
  return put_at(root, ".app.perdure-lock");
}

std::string own_name_in_journal(const TempDirectory& root) {
  make_root(root.path());
  const Buffer bytes =
      encode_journal({.id = "0123456789abcdef",
                      .entries = {{.action = JournalAction::remove, .path = ".app.perdure-lock"}}});
  spit(root / ".perdure/j", as_text(bytes), 0600);
  return words_of(recover(root.path()));
}

/// The first link of a commit is its trial, and fails by this.
std::string refused_link(const TempDirectory& root, int error) {
  testing::FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = testing::Operation::link, .error = error, .from_then_on = true});
  return put_at(root, "f", through(faulty));
}

/// A move needs a link before there is a trial.
std::string refused_move(const TempDirectory& root, int error) {
  testing::FaultyFileSystem faulty(native_file_system());
  spit(root / "f", "x");
  auto transaction = Transaction::begin(root.path(), through(faulty)).value();
  faulty.fail({.operation = testing::Operation::link, .error = error, .from_then_on = true});
  const auto moved = transaction.move("f", "g");
  REQUIRE_FAILS(unsupported, unchanged, moved);
  return words_of(moved);
}

std::string move_on_fat(const TempDirectory& root) {
  return refused_move(root, EPERM);
}

std::string move_elsewhere(const TempDirectory& root) {
  return refused_move(root, EOPNOTSUPP);
}

std::string long_name(const TempDirectory& root) {
  return refused_link(root, ENAMETOOLONG);
}

std::string put_on_fat(const TempDirectory& root) {
  return refused_link(root, EPERM);
}

std::string other_mount(const TempDirectory& root) {
  return refused_link(root, EXDEV);
}

/// The name that was tried can't be removed.
std::string trial_that_stays(const TempDirectory& root) {
  testing::FaultyFileSystem faulty(native_file_system());
  auto transaction = Transaction::begin(root.path(), through(faulty)).value();
  REQUIRE_OK(transaction.put("f", "x"));
  faulty.fail({.operation = testing::Operation::unlink, .error = EIO, .from_then_on = true});
  return words_of(transaction.commit());
}

/// Shows a file under any spelling of a name that has lower-case letters.
struct Folding : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    auto found = ForwardingFileSystem::stat_at(directory, name);
    std::string folded = name;
    for (char& letter : folded) {
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    return found ? found : ForwardingFileSystem::stat_at(directory, folded);
  }
};

std::string two_spellings(const TempDirectory& root) {
  Folding folding(native_file_system());
  auto transaction = Transaction::begin(root.path(), through(folding)).value();
  REQUIRE_OK(transaction.put("readme", "small"));
  if (const auto put = transaction.put("README", "LARGE"); !put) return words_of(put);
  return words_of(transaction.commit());
}

std::string private_directory(const TempDirectory& root) {
  fs::create_directory(root / "sub");
  TransactionOptions options;
  options.private_directory = (root / "sub/private").native();
  return put_at(root, "sub/private/j", options);
}

std::string inner_root(const TempDirectory& root) {
  fs::create_directory(root / "sub");
  make_root(root / "sub");
  return put_at(root, "sub/f");
}

std::string link_on_the_way(const TempDirectory& root) {
  fs::create_directory(root / "real");
  fs::create_symlink("real", root / "link");
  return put_at(root, "link/f");
}

std::string expected_behind_link(const TempDirectory& root) {
  fs::create_directory(root / "real");
  fs::create_symlink("real", root / "link");
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put("f", "x"));
  REQUIRE_OK(transaction.expect_absent("link/g"));
  return words_of(transaction.commit());
}

std::string held_root(const TempDirectory& root) {
  auto holder = Transaction::begin(root.path()).value();
  TransactionOptions impatient;
  impatient.lock_timeout_ms = std::chrono::milliseconds(0);
  return words_of(Transaction::begin(root.path(), impatient));
}

struct Row {
  const char* name;
  std::string (*provoke)(const TempDirectory&);
  const char* words;
};

}  // namespace

TEST_CASE("each path that a transaction refuses is refused with its reason", "[P19]") {
  const std::vector<Row> rows{
      {"a name of the library's", own_name, "own file"},
      {"a journal with such a name", own_name_in_journal, "own file"},
      {"a journal that a person must decide on", own_name_in_journal,
       "`perdure recover --abandon`"},
      {"a link on the way", link_on_the_way, "a symbolic link is on the way"},
      {"a link on the way, and advice", link_on_the_way, "name the path behind the link"},
      {"a link on the way to an expected path", expected_behind_link, "a symbolic link is on the"},
      {"a root that another holds", held_root, "another program held the lock"},
      {"a name too long for the trial", long_name, "choose a shorter name"},
      {"a move without hard links", move_on_fat, "put its content at the new path"},
      {"the same with another answer", move_elsewhere, "put its content at the new path"},
      {"a put without hard links", put_on_fat, "write these files one by one"},
      {"a link from another mount", other_mount, "it is another mount"},
      {"a trial that stays", trial_that_stays, "is left beside it; `perdure clean` removes it"},
      {"two spellings of one name", two_spellings, "'README' is the same file here"},
      {"the private directory", private_directory, "private directory"},
      {"a root beneath the root", inner_root, "'sub' is a root of its own"},
  };
  for (const Row& row : rows) {
    const TempDirectory root;
    INFO(row.name);
    const std::string said = row.provoke(root);
    CHECK(said.starts_with("'" + root.path().native()));
    CHECK_THAT(said, Contains(row.words));
  }
}

TEST_CASE("a transaction says that something is mounted on the way", "[P19]") {
  const MountedBeneath mounted;
  if (!mounted.error.empty()) return skip(mounted.error);
  const std::string said = put_at(mounted.root, "mounted/file");
  CHECK_THAT(said, Contains("something is mounted on the way"));
  CHECK_THAT(said, Contains("make a root of what is mounted there"));
}
