// SPDX-License-Identifier: BSL-1.0
// The requests to a transaction, and its answers.
#include <algorithm>
#include <cctype>
#include <sys/stat.h>
#include <unistd.h>

#include <perdure/clean.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/attributes.hpp"
#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

TEST_CASE("nothing is visible before commit, all of it after", "[P11]") {
  const TempDirectory root;
  Sample::prepare(root.path());
  auto transaction = Transaction::begin(root.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(Sample::stage(transaction.value()));
  CHECK(tree_of(root.path()) == Sample::before());
  const auto receipt = transaction.value().commit();
  REQUIRE_OK(receipt);
  CHECK(tree_of(root.path()) == Sample::after());
  CHECK(receipt.value().files == 7);
  CHECK(receipt.value().bytes == 15);
  CHECK(private_of(root.path()).empty());
}

TEST_CASE("a transaction that is dropped leaves nothing", "[P11][P16]") {
  const TempDirectory root;
  Sample::prepare(root.path());
  {
    auto transaction = Transaction::begin(root.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(Sample::stage(transaction.value()));
  }
  CHECK(tree_of(root.path()) == Sample::before());
  CHECK(private_of(root.path()).empty());
  REQUIRE_OK(Transaction::begin(root.path()));  // and the lock is free
}

// Only the destructor of a transaction ended it: its staged files stayed, and its lock went.
TEST_CASE("a transaction that another one is assigned to leaves nothing", "[P11][P16]") {
  const TempDirectory root;
  const TempDirectory other;
  for (const auto* directory : {&root, &other}) Sample::prepare(directory->path());
  REQUIRE_OK(Sample::run(root.path()));  // so that its private directory stays
  const Tree before = tree_of(root.path());
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.put("a", "not to be"));
  transaction = Transaction::begin(other.path()).value();
  CHECK(private_of(root.path()).empty());
  CHECK(tree_of(root.path()) == before);
  REQUIRE_OK(Sample::stage(transaction));
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(other.path()) == Sample::after());
}

TEST_CASE("one reads one's own writes") {
  const TempDirectory root;
  Sample::prepare(root.path());
  auto begun = Transaction::begin(root.path());
  REQUIRE_OK(begun);
  auto& transaction = begun.value();
  REQUIRE_OK(Sample::stage(transaction));
  CHECK(as_text(transaction.read("a").value()) == "new a");
  CHECK(as_text(transaction.read("top").value()) == "moved");
  CHECK(transaction.read("b").error().cause == std::errc::no_such_file_or_directory);
  CHECK(transaction.read("sub/m").error().cause == std::errc::no_such_file_or_directory);
  REQUIRE_OK(transaction.put("a", "newer"));
  CHECK(as_text(transaction.read("a").value()) == "newer");
}

TEST_CASE("the last word on a path counts") {
  const TempDirectory root;
  spit(root / "a", "old");
  auto begun = Transaction::begin(root.path());
  REQUIRE_OK(begun);
  auto& transaction = begun.value();
  REQUIRE_OK(transaction.put("a", "one"));
  REQUIRE_OK(transaction.remove("a"));
  REQUIRE_OK(transaction.put("b", "made"));
  REQUIRE_OK(transaction.remove("b"));  // never was there
  REQUIRE_OK(transaction.put("c", "one"));
  REQUIRE_OK(transaction.put("c", "two"));
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(root.path()) == Tree{{"c", "two"}});
}

TEST_CASE("moves: chains, swaps, and onto one's own hard link") {
  const TempDirectory root;
  spit(root / "a", "A");
  spit(root / "b", "B");
  SECTION("swap") {
    auto transaction = Transaction::begin(root.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().move("a", "spare"));
    REQUIRE_OK(transaction.value().move("b", "a"));
    REQUIRE_OK(transaction.value().move("spare", "b"));
    REQUIRE_OK(transaction.value().commit());
    CHECK(tree_of(root.path()) == Tree{{"a", "B"}, {"b", "A"}});
  }
  SECTION("a moved file keeps its inode, mode and name elsewhere") {
    ::chmod((root / "a").c_str(), 0640);
    const auto inode = status_of(root / "a").st_ino;
    auto transaction = Transaction::begin(root.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().move("a", "b"));
    REQUIRE_OK(transaction.value().commit());
    CHECK(tree_of(root.path()) == Tree{{"b", "A"}});
    CHECK(status_of(root / "b").st_ino == inode);
    CHECK(mode_of(root / "b") == 0640);
  }
  SECTION("rename between two names of one file does nothing, and leaves nothing") {
    fs::create_hard_link(root / "a", root / "link");
    auto transaction = Transaction::begin(root.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().move("a", "link"));
    REQUIRE_OK(transaction.value().commit());
    CHECK(tree_of(root.path()) == Tree{{"b", "B"}, {"link", "A"}});
  }
}

TEST_CASE("a miss of an expectation aborts with conflict and leaves everything", "[P5][P11]") {
  const TempDirectory root;
  Sample::prepare(root.path());
  const Version seen = read_version(root / "b").value();
  auto transaction = Transaction::begin(root.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(Sample::stage(transaction.value()));
  SECTION("changed by a writer") {
    REQUIRE_OK(transaction.value().expect("b", seen));
    REQUIRE_OK(write_file(root / "b", "other"));
    REQUIRE_FAILS(conflict, unchanged, transaction.value().commit());
    CHECK(slurp(root / "b") == "other");
    CHECK(slurp(root / "a") == "old a");
  }
  SECTION("expected to be absent") {
    REQUIRE_OK(transaction.value().expect_absent("sub/c"));
    REQUIRE_FAILS(conflict, unchanged, transaction.value().commit());
    CHECK(tree_of(root.path()) == Sample::before());
  }
  SECTION("as expected") {
    REQUIRE_OK(transaction.value().expect("b", seen));
    REQUIRE_OK(transaction.value().expect_absent("other"));
    REQUIRE_OK(transaction.value().commit());
    CHECK(tree_of(root.path()) == Sample::after());
  }
}

TEST_CASE("a file and a directory of a transaction can have a mode of their own", "[P6]") {
  const TempDirectory root;
  const Umask mask(027);
  spit(root / "kept", "old", 0640);
  spit(root / "fixed", "old", 0640);
  auto begun = Transaction::begin(root.path());
  REQUIRE_OK(begun);
  auto& transaction = begun.value();
  const PutOptions program{.metadata = Metadata::preserve(0755)};
  const PutOptions secret{.metadata = Metadata::preserve(0600)};
  REQUIRE_OK(transaction.put("plain", "new"));
  REQUIRE_OK(transaction.put("program", "new", program));
  REQUIRE_OK(transaction.put("secret", as_bytes(std::string_view("new")), secret));
  REQUIRE_OK(transaction.put("moved", "new", program));
  REQUIRE_OK(transaction.move("moved", "there"));
  REQUIRE_OK(transaction.put("kept", "new", program));
  REQUIRE_OK(transaction.put("fixed", "new", {.metadata = Metadata::fixed(0604)}));
  REQUIRE_OK(transaction.put("late", "new", secret));
  REQUIRE_OK(transaction.make_directory("open"));
  REQUIRE_OK(transaction.make_directory("closed", 0700));
  REQUIRE_OK(transaction.put("closed/program", "new", program));
  REQUIRE_FAILS(invalid_argument, unchanged, transaction.make_directory("odd", 0555));
  REQUIRE_FAILS(invalid_argument, unchanged, transaction.make_directory("odd", 010777));
  REQUIRE_FAILS(invalid_argument, unchanged,
                transaction.put("odd", "new", {.metadata = Metadata::preserve(010644)}));
  spit(root / "late", "theirs", 0640);  // it came after the put: now there is one to preserve
  REQUIRE_OK(transaction.commit());
  CHECK(mode_of(root / "plain") == 0640);
  CHECK(mode_of(root / "program") == 0750);
  CHECK(mode_of(root / "secret") == 0600);
  CHECK(mode_of(root / "there") == 0750);
  CHECK(mode_of(root / "kept") == 0640);
  CHECK(mode_of(root / "fixed") == 0604);
  CHECK(mode_of(root / "late") == 0640);
  CHECK(mode_of(root / "open") == 0750);
  CHECK(mode_of(root / "closed") == 0700);
  CHECK(mode_of(root / "closed/program") == 0750);
}

TEST_CASE("metadata is kept, and new files inherit what a plain file would", "[P6]") {
  const TempDirectory root;
  fs::create_directory(root / "shared");
  spit(root / "kept", "old", 0751);
  set_attribute(root / "kept", "user.note", "mine");
  ::chmod((root / "shared").c_str(), 02775);
  if (::geteuid() == 0) {
    REQUIRE(::chown((root / "shared").c_str(), 0, 4242) == 0);
    REQUIRE(::chown((root / "kept").c_str(), 1234, 4321) == 0);
    ::chmod((root / "kept").c_str(), 0751);
  }
  spit(root / "shared/plain", "", 0644);
  auto transaction = Transaction::begin(root.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("kept", "new"));
  REQUIRE_OK(transaction.value().put("shared/fresh", "new"));
  // Changed after it was staged, before the commit: the change counts.
  set_attribute(root / "kept", "user.note", "changed");
  REQUIRE_OK(transaction.value().commit());
  CHECK(mode_of(root / "kept") == 0751);
  CHECK(attribute(root / "kept", "user.note") == "changed");
  CHECK(status_of(root / "shared/fresh").st_gid == status_of(root / "shared/plain").st_gid);
  if (::geteuid() == 0) CHECK(status_of(root / "kept").st_uid == 1234);
}

// They got the metadata of a file in the private directory, and no owner that was asked for.
TEST_CASE("new files in a new directory inherit what a plain file would, and get their owner",
          "[P6]") {
  if (::geteuid() != 0) return skip("needs root to give files away");
  constexpr std::uint32_t group = 4242;
  constexpr std::uint32_t owner = 1234;
  const TempDirectory root;
  const Umask mask(022);
  const bool by_acl = GENERATE(false, true);
  const bool unnamed = GENERATE(true, false);
  CAPTURE(by_acl, unnamed);
  REQUIRE(::chown(root.path().c_str(), 0, group) == 0);
  REQUIRE(::chmod(root.path().c_str(), 02775) == 0);
  if (by_acl) {
    set_attribute(root.path(), default_acl,
                  acl_value({{AclEntry::owner, 7},
                             {AclEntry::user, 7, 99},
                             {AclEntry::group_owner, 5},
                             {AclEntry::mask, 7},
                             {AclEntry::others, 0}}));
  }
  FaultyFileSystem files(native_file_system());
  if (!unnamed) {
    files.fail({.operation = Operation::create_unnamed,
                .error = EOPNOTSUPP,
                .from_then_on = true,
                .count = {}});
  }
  auto begun = Transaction::begin(root.path(), through(files));
  REQUIRE_OK(begun);
  auto& transaction = begun.value();
  REQUIRE_OK(transaction.put("new/below/early", "new"));  // before its directory
  for (const char* path : {"new", "new/below"}) REQUIRE_OK(transaction.make_directory(path));
  REQUIRE_OK(transaction.put("new/below/late", "new"));
  PutOptions given{.metadata = Metadata::preserve(04750)};
  given.metadata->owner = owner;
  REQUIRE_OK(transaction.put("new/given", "new", given));
  REQUIRE_OK(transaction.put("given", "new", given));
  REQUIRE_OK(transaction.commit());
  auto later = Transaction::begin(root.path());
  REQUIRE_OK(later);
  REQUIRE_OK(later.value().put("new/below/plain", "new"));  // its directory is there
  REQUIRE_OK(later.value().commit());
  for (const char* name : {"new/below/early", "new/below/late"}) {
    CHECK(status_of(root / name).st_gid == group);
    CHECK(mode_of(root / name) == (by_acl ? 0660 : 0644));
    CHECK(attribute(root / name, access_acl) == attribute(root / "new/below/plain", access_acl));
  }
  for (const char* name : {"new/given", "given"}) {
    CHECK(status_of(root / name).st_uid == owner);
    CHECK(status_of(root / name).st_gid == group);
    CHECK(mode_of(root / name) == 04750);
  }
  CHECK(list(root / "new") == std::vector<std::string>{"below", "given"});
}

TEST_CASE("what can't be meant is refused, in words, before anything happens") {
  const TempDirectory root;
  spit(root / "file", "old");
  fs::create_directory(root / "dir");
  fs::create_symlink("file", root / "link");
  auto begun = Transaction::begin(root.path());
  REQUIRE_OK(begun);
  auto& transaction = begun.value();
  for (const char* path : {"", "/etc/passwd", "../out", "a/../b", "a//b", "./a", "a/", ".perdure/x",
                           ".perdure", ".perdure-root", "dir/.perdure-root"}) {
    INFO(path);
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.put(path, "x"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.remove(path));
  }
  REQUIRE_FAILS(system, unchanged, transaction.remove("missing"));
  REQUIRE_FAILS(not_regular, unchanged, transaction.remove("dir"));
  REQUIRE_FAILS(exists, unchanged, transaction.make_directory("file"));
  REQUIRE_OK(transaction.make_directory("dir"));
  REQUIRE_FAILS(invalid_argument, unchanged, transaction.move("file", "file"));
  REQUIRE_FAILS(not_regular, unchanged, transaction.move("dir", "other"));
  SECTION("a file within a file of the same transaction") {
    REQUIRE_OK(transaction.put("new", "x"));
    REQUIRE_OK(transaction.put("new/below", "x"));
    REQUIRE_FAILS(invalid_argument, unchanged, transaction.commit());
  }
  SECTION("a directory as the target") {
    REQUIRE_OK(transaction.put("dir", "x"));
    REQUIRE_FAILS(not_regular, unchanged, transaction.commit());
  }
  SECTION("a symbolic link as the target") {
    REQUIRE_OK(transaction.put("link", "x"));
    REQUIRE_FAILS(symlink_refused, unchanged, transaction.commit());
  }
  SECTION("a directory that does not exist") {
    REQUIRE_OK(transaction.put("nowhere/x", "x"));
    REQUIRE_FAILS(system, unchanged, transaction.commit());
  }
  CHECK(tree_of(root.path()) == Tree{{"dir/", ""}, {"file", "old"}, {"link", "-> file"}});
  CHECK(private_of(root.path()).empty());
}

TEST_CASE("a link on the way is not followed", "[P7]") {
  const TempDirectory root;
  const TempDirectory outside;
  spit(outside / "secret", "old");
  fs::create_symlink(outside.path(), root / "way");
  auto transaction = Transaction::begin(root.path());
  REQUIRE_OK(transaction);
  CHECK_FALSE(transaction.value().put("way/secret", "new"));
  CHECK(slurp(outside / "secret") == "old");
}

TEST_CASE("after a failure while staging the transaction is over", "[P11]") {
  const TempDirectory root;
  auto transaction = Transaction::begin(root.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("a", "x"));
  const Error mine{
      .kind = ErrorKind::serializer, .cause = {}, .step = {}, .path = {}, .detail = "no"};
  REQUIRE_FAILS(serializer, unchanged,
                transaction.value().put_from("b", [&](Sink&) -> Result<void> { return mine; }));
  REQUIRE_FAILS(invalid_argument, unchanged, transaction.value().commit());
  CHECK(tree_of(root.path()).empty());
  CHECK(private_of(root.path()).empty());
}

namespace {

/// Shows a file under any spelling of a name that has lower-case letters.
struct FoldingFileSystem : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    auto found = ForwardingFileSystem::stat_at(directory, name);
    if (found) return found;
    std::string folded = name;
    std::ranges::transform(folded, folded.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return ForwardingFileSystem::stat_at(directory, folded);
  }
};

Result<TransactionReceipt> put_in_two_spellings(const fs::path& root, FileSystem& files) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, through(files)));
  BOOST_OUTCOME_TRY(transaction.put("readme", "small"));
  BOOST_OUTCOME_TRY(transaction.put("README", "LARGE"));
  return transaction.commit();
}

}  // namespace

TEST_CASE("names that differ in case alone are two files, or refused where they would be one") {
  const TempDirectory root;
  REQUIRE_OK(put_in_two_spellings(root.path(), native_file_system()));
  CHECK(tree_of(root.path()) == Tree{{"README", "LARGE"}, {"readme", "small"}});

  const TempDirectory other;
  FoldingFileSystem folding(native_file_system());
  const auto refused = put_in_two_spellings(other.path(), folding);
  REQUIRE_FAILS(invalid_argument, unchanged, refused);
  CHECK(refused.error().step == "check the transaction");
  CHECK(tree_of(other.path()).empty());
}

// The fuzzer killed a transaction while it was trying whether two names are one file.
TEST_CASE("what tells whether names are one file is a temp that clean collects", "[P16]") {
  const TempDirectory root;
  FaultyFileSystem dying(native_file_system());
  dying.fail({.operation = Operation::unlink, .call = 1, .error = EIO, .from_then_on = true});
  const auto failed = put_in_two_spellings(root.path(), dying);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fate == Fate::unchanged);
  CHECK(tree_of(root.path()).size() == 1);
  REQUIRE_OK(recover(root.path()));
  const auto cleaned = clean(root.path());
  REQUIRE_OK(cleaned);
  CHECK(cleaned.value().removed.size() == 1);
  CHECK(tree_of(root.path()).empty());
}

// The answer of the call was lost, and nobody else knew the name.
TEST_CASE("what tells whether names are one file is removed if making it only seemed to fail") {
  const TempDirectory first;
  FaultyFileSystem counting(native_file_system());
  REQUIRE_OK(put_in_two_spellings(first.path(), counting));
  std::uint64_t creations = 0;
  std::uint64_t of_the_temp = 0;
  for (const auto& call : counting.log()) {
    if (call.operation == Operation::create) ++creations;
    if (call.name.starts_with(".case.") && of_the_temp == 0) of_the_temp = creations;
  }
  REQUIRE(of_the_temp != 0);

  const TempDirectory root;
  FaultyFileSystem lossy(native_file_system());
  lossy.fail(
      {.operation = Operation::create, .call = of_the_temp, .error = EIO, .after_effect = true});
  REQUIRE_FAILS(system, unchanged, put_in_two_spellings(root.path(), lossy));
  CHECK(tree_of(root.path()).empty());
}
