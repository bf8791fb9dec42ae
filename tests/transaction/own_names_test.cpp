// SPDX-License-Identifier: BSL-1.0
// The library's own files beneath a root: locks, temps, previous generations, markers, the private
// directory. Who replaced a lock made two holders of it; none is a transaction's to name.
#include <perdure/atomic_file.hpp>
#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "engine/names.hpp"
#include "transaction/journal_format.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

const std::vector<std::string> own_names{
    ".app.perdure-lock",
    ".app.perdure-root.perdure-lock",
    ".APP.PERDURE-LOCK",  // the same file where a directory does not tell upper from lower case
    ".app.0123456789abcdef.perdure-tmp",
    ".App.0123456789ABCDEF.Perdure-Tmp",
    ".app.json.3.perdure-prev",
    ".app.json.18446744073709551615.perdure-prev",
    ".perdure-root",
    ".Perdure-Root",
};

/// A name that looks similar, of a file like any other.
const std::vector<std::string> free_names{
    "app.perdure-lock", ".app.perdure-tmp", ".app.x.perdure-prev", ".app.03.perdure-prev",
    "app.json~",        "perdure-root",     ".perdure-roots",      "app.damaged-3.0123456789abcdef",
};

}  // namespace

TEST_CASE("the library's own names are refused in every call, in every directory") {
  const TempDirectory root;
  fs::create_directory(root / "d");
  spit(root / "file", "mine");
  for (const auto& name : own_names) {
    for (const std::string& path : {name, "d/" + name, name + "/below"}) {
      INFO(path);
      auto begun = Transaction::begin(root.path());
      REQUIRE_OK(begun);
      auto& transaction = begun.value();
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.put(path, "x"));
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.remove(path));
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.make_directory(path));
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.move(path, "other"));
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.move("file", path));
      REQUIRE_FAILS(invalid_argument, unchanged, transaction.expect_absent(path));
      REQUIRE_OK(transaction.put("file", "mine"));
      REQUIRE_OK(transaction.commit());  // a path that is refused does not end it
    }
  }
  CHECK(tree_of(root.path()) == Tree{{"d/", ""}, {"file", "mine"}});
}

TEST_CASE("names that only look like the library's are files like any other", "[P15]") {
  const TempDirectory root;
  for (const auto& name : free_names) {
    INFO(name);
    auto begun = Transaction::begin(root.path());
    REQUIRE_OK(begun);
    REQUIRE_OK(begun.value().put(name, "x"));
    REQUIRE_OK(begun.value().commit());
    CHECK_FALSE(is_reserved_name(name));
    REQUIRE_OK(remove_file(root / name));
  }
  for (const auto& name : own_names) CHECK(is_reserved_name(name));
}

// An earlier program accepted them, and may have been killed: only a person can decide then.
TEST_CASE("a journal that names the library's own files is refused", "[P18]") {
  for (const auto& name : own_names) {
    if (names::is_previous(name)) continue;  // a tracker through a log keeps them so
    INFO(name);
    const TempDirectory root;
    make_root(root.path());
    spit(root / ".app.perdure-lock", "");
    const Buffer bytes = encode_journal(
        {.id = "0123456789abcdef", .entries = {{.action = JournalAction::remove, .path = name}}});
    spit(root / ".perdure/j", as_text(bytes), 0600);
    const auto refused = recover(root.path());
    REQUIRE_FAILS(recovery_required, unchanged, refused);
    CHECK(refused.error().step == "read the journal");
    CHECK(fs::exists(root / ".app.perdure-lock"));
    REQUIRE_OK(abandon(root.path()));
    REQUIRE_OK(Transaction::begin(root.path()));
  }
}

TEST_CASE("writes, removals, backups and parents are refused by the same rule") {
  const TempDirectory at;
  WriteOptions coordinated;
  coordinated.coordinate = true;
  for (const auto& name : own_names) {
    INFO(name);
    spit(at / name, "live");
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(at / name, "x"));
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(at / name, "x", coordinated));
    REQUIRE_FAILS(invalid_argument, unchanged, remove_file(at / name));
    REQUIRE_FAILS(invalid_argument, unchanged, remove_file(at / name, coordinated));
    REQUIRE_FAILS(invalid_argument, unchanged, AtomicFile::create(at / name));
    fs::create_symlink(name, at / "link");
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(at / "link", "x"));
    REQUIRE_OK(remove_file(at / "link"));
    CHECK(as_text(read_file(at / name).value().bytes) == "live");  // to read it is nobody's harm
    fs::remove(at / name);
    WriteOptions parents;
    parents.make_parents = true;
    REQUIRE_FAILS(invalid_argument, unchanged, write_file(at / name / "below", "x", parents));
    CHECK(list(at.path()).empty());
  }
  spit(at / ".app", "old");
  WriteOptions backup;
  backup.existing = ExistingPolicy::backup;
  backup.backup_suffix = ".perdure-lock";
  REQUIRE_FAILS(invalid_argument, unchanged, write_file(at / ".app", "x", backup));
  CHECK(list(at.path()) == std::vector<std::string>{".app"});
}

TEST_CASE("nothing in the private directory is a transaction's to name, wherever it lies") {
  const TempDirectory root;
  fs::create_directory(root / "sub");
  TransactionOptions options;
  options.private_directory = (root / "sub/private").native();
  make_root(root.path(), options.private_directory);
  fs::create_directory(root / "sub/private/abandoned-0123456789abcdef");
  spit(root / "sub/private/notes", "evidence");
  const auto refuses = [&](auto stage) {
    auto begun = Transaction::begin(root.path(), options);
    REQUIRE_OK(begun);
    REQUIRE_OK(stage(begun.value()));
    const auto refused = begun.value().commit();
    REQUIRE_FAILS(invalid_argument, unchanged, refused);
  };
  refuses([](Transaction& t) { return t.put("sub/private/j", "x"); });
  refuses([](Transaction& t) { return t.put("sub/private/abandoned-0123456789abcdef/j", "x"); });
  refuses([](Transaction& t) { return t.remove("sub/private/notes"); });
  refuses([](Transaction& t) { return t.make_directory("sub/private/d"); });
  refuses([](Transaction& t) { return t.move("sub/private/notes", "notes"); });
  CHECK(list(root / "sub/private") ==
        std::vector<std::string>{".root.perdure-lock", "abandoned-0123456789abcdef", "notes"});
}
