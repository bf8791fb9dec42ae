// SPDX-License-Identifier: BSL-1.0
// A root that becomes what another tree is; copies; expectations of one put.
#include <sys/stat.h>

#include <perdure/mirror.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "engine/names.hpp"
#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// {a, b, same, d/x, only/new} to come, {a, same, gone, d/{x, y}, old/deep/z} there.
struct Trees {
  TempDirectory source;
  TempDirectory root;
  Trees() {
    for (const char* name : {"d", "only"}) fs::create_directory(source / name);
    spit(source / "a", "new a");
    spit(source / "b", "B");
    spit(source / "same", "same");
    spit(source / "d/x", "X");
    spit(source / "only/new", "N");
    fs::create_directories(root / "old/deep");
    fs::create_directory(root / "d");
    spit(root / "a", "old a");
    spit(root / "same", "same");
    spit(root / "gone", "G");
    spit(root / "d/x", "another");
    spit(root / "d/y", "Y");
    spit(root / "old/deep/z", "Z");
  }
};

/// A directory that does not tell upper from lower case, for those who look.
struct CaseBlind final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return ForwardingFileSystem::stat_at(directory, real(directory, name));
  }
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    return ForwardingFileSystem::open_file(directory, real(directory, name));
  }

 private:
  std::string real(Handle directory, const std::string& name) {
    const auto entries = list(directory);
    for (const DirectoryEntry& entry : entries.value()) {
      if (names::folded(entry.name) == names::folded(name)) return entry.name;
    }
    return name;
  }
};

Error error_of(const Result<MirrorReport>& mirrored) {
  REQUIRE_FALSE(mirrored);
  return mirrored.error();
}

}  // namespace

TEST_CASE("a root becomes what the source is", "[P11]") {
  const Trees trees;
  const Tree before = tree_of(trees.root.path());
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(trees.source.path().native());
  REQUIRE_OK(report);
  CHECK(report.value().put == 4);
  CHECK(report.value().unchanged == 1);
  CHECK(report.value().removed == 3);  // gone, d/y, and old as a whole
  CHECK(report.value().left_out.empty());
  CHECK(tree_of(trees.root.path()) == before);
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(trees.root.path()) == tree_of(trees.source.path()));
}

TEST_CASE("a root that is what the source is already is not touched") {
  const Trees trees;
  for (int round = 0; round < 2; ++round) {
    FaultyFileSystem counting(native_file_system());
    auto transaction = Transaction::begin(trees.root.path(), through(counting)).value();
    REQUIRE_OK(transaction.mirror(trees.source.path().native()));
    const auto receipt = transaction.commit();
    REQUIRE_OK(receipt);
    if (round == 0) continue;
    CHECK(receipt.value().files == 0);
    CHECK(counting.calls(Operation::sync_file) == 0);
    CHECK(counting.calls(Operation::rename) == 0);
  }
}

TEST_CASE("a mirror that removes nothing puts every file of the source, and keeps the others") {
  const Trees trees;
  auto tree = SourceTree::open(trees.source.path().native()).value();
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(tree, {.removing = false, .comparing = false});
  REQUIRE_OK(report);
  CHECK(report.value().put == 5);
  REQUIRE_OK(transaction.commit());
  CHECK(slurp(trees.root / "old/deep/z") == "Z");
  CHECK(slurp(trees.root / "a") == "new a");
}

TEST_CASE("new files get the mode of the source, and others keep their own") {
  const Trees trees;
  REQUIRE(::chmod((trees.source / "b").c_str(), 0640) == 0);
  REQUIRE(::chmod((trees.root / "a").c_str(), 0600) == 0);
  auto transaction = Transaction::begin(trees.root.path()).value();
  REQUIRE_OK(transaction.mirror(trees.source.path().native()));
  REQUIRE_OK(transaction.commit());
  const auto mode_of = [&](const char* name) {
    return fs::status(trees.root / name).permissions() & fs::perms_mask;
  };
  CHECK(mode_of("b") == 0640);
  CHECK(mode_of("a") == 0600);
}

TEST_CASE("the library's own files in a source are left out, and in a root they stay") {
  const Trees trees;
  make_root(trees.source.path(), ".hidden");  // a root with a private directory of its own name
  spit(trees.source / ".hidden/s_1", "staged");
  spit(trees.root / ".gone.1.perdure-prev", "0");
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(trees.source.path().native());
  REQUIRE_OK(report);
  CHECK(report.value().left_out ==
        std::vector<std::string>{(trees.source / ".hidden").native(),
                                 (trees.source / ".perdure-root").native()});
  REQUIRE_OK(transaction.commit());
  CHECK_FALSE(fs::exists(trees.root / ".hidden"));
  CHECK(slurp(trees.root / ".gone.1.perdure-prev") == "0");
}

TEST_CASE("a mirror makes a directory of a file, and a file of a directory", "[P11]") {
  const Trees trees;
  spit(trees.root / "only", "a file");
  fs::create_directories(trees.root / "b/deep");
  spit(trees.root / "b/deep/n", "N");
  fs::create_symlink("d", trees.root / "new");  // to a directory
  fs::create_directory(trees.source / "new");
  spit(trees.source / "new/n", "N");
  auto transaction = Transaction::begin(trees.root.path()).value();
  const auto report = transaction.mirror(trees.source.path().native());
  REQUIRE_OK(report);
  CHECK(report.value().removed == 6);  // the three, and those that the source does not have
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(trees.root.path()) == tree_of(trees.source.path()));
}

TEST_CASE("a mirror that removes nothing refuses a file in the place of a directory") {
  const Trees trees;
  const auto refused = [&](const char* path) {
    const Tree before = tree_of(trees.root.path());
    auto tree = SourceTree::open(trees.source.path().native()).value();
    auto transaction = Transaction::begin(trees.root.path()).value();
    const Error error = error_of(transaction.mirror(tree, {.removing = false}));
    CHECK(error.kind == ErrorKind::not_regular);
    CHECK_THAT(error.message(), Contains((trees.root / path).native()) &&
                                    Contains("let the mirror remove (--delete)"));
    CHECK(transaction.commit().error().kind == ErrorKind::invalid_argument);
    CHECK(tree_of(trees.root.path()) == before);
  };
  SECTION("a directory of the source") {
    spit(trees.root / "only", "a file");
    refused("only");
  }
  SECTION("a file of the source") {
    fs::create_directory(trees.root / "b");
    refused("b");
  }
}

TEST_CASE("a mirror keeps a directory whose name differs in case alone from that of a file") {
  const TempDirectory source;
  const TempDirectory root;
  fs::create_directory(source / "Doc");
  spit(source / "Doc/n", "N");
  spit(source / "doc", "a file");
  fs::create_directory(root / "Doc");
  spit(root / "Doc/n", "N");
  CaseBlind files(native_file_system());
  auto transaction = Transaction::begin(root.path(), through(files)).value();
  const Error error = error_of(transaction.mirror(source.path().native()));
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK(slurp(root / "Doc/n") == "N");
}

TEST_CASE("a source that lies in the root, or is it, is refused") {
  const Trees trees;
  for (const auto& source : {trees.root.path(), trees.root / "old/deep"}) {
    auto transaction = Transaction::begin(trees.root.path()).value();
    const Error error = error_of(transaction.mirror(source.native()));
    CHECK(error.kind == ErrorKind::invalid_argument);
    CHECK_THAT(error.message(), Contains("the source lies in it"));
  }
}

// The look for the source's name found the file, which was removed for its own name then.
TEST_CASE("a mirror keeps a file whose name differs in case alone, and says so") {
  const TempDirectory source;
  const TempDirectory root;
  spit(source / "README", "same");
  spit(root / "Readme", "same");
  CaseBlind files(native_file_system());
  auto transaction = Transaction::begin(root.path(), through(files)).value();
  const Error error = error_of(transaction.mirror(source.path().native()));
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK_THAT(error.message(), Contains("Readme") && Contains("'README' of the source"));
  CHECK(slurp(root / "Readme") == "same");
}

TEST_CASE("a mirror removes a hard link of a file that stays") {
  const TempDirectory source;
  const TempDirectory root;
  spit(source / "a", "same");
  spit(root / "a", "same");
  fs::create_hard_link(root / "a", root / "b");
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.mirror(source.path().native()));
  REQUIRE_OK(transaction.commit());
  CHECK(tree_of(root.path()) == Tree{{"a", "same"}});
}

TEST_CASE("a mirror comes first: what was asked for before would be half of it") {
  const Trees trees;
  auto transaction = Transaction::begin(trees.root.path()).value();
  REQUIRE_OK(transaction.remove("same"));
  const Error error = error_of(transaction.mirror(trees.source.path().native()));
  CHECK(error.kind == ErrorKind::invalid_argument);
  CHECK_THAT(error.message(), Contains("mirror first"));
  CHECK(transaction.commit().error().kind == ErrorKind::invalid_argument);
}

TEST_CASE("a mirror keeps a private directory that lies in the root, whatever its name") {
  const Trees trees;
  fs::create_directory(trees.root / "mine");
  TransactionOptions options;
  options.private_directory = (trees.root / "mine/private").native();
  for (int round = 0; round < 2; ++round) {  // the second finds it there
    auto transaction = Transaction::begin(trees.root.path(), options).value();
    fs::create_directories(trees.source / "mine");
    REQUIRE_OK(transaction.mirror(trees.source.path().native()));
    REQUIRE_OK(transaction.commit());
  }
  CHECK(fs::is_directory(trees.root / "mine/private"));
}

TEST_CASE("a copy has the content and the metadata of what it was made from") {
  const TempDirectory root;
  spit(root / "a", std::string(700'000, 'a'));
  REQUIRE(::chmod((root / "a").c_str(), 0604) == 0);
  auto transaction = Transaction::begin(root.path()).value();
  REQUIRE_OK(transaction.copy("a", "b"));
  REQUIRE_OK(transaction.put("c", "mine", {.metadata = Metadata::fixed(0600)}));
  REQUIRE_OK(transaction.copy("c", "d"));
  REQUIRE_OK(transaction.put("a", "secret now", {.metadata = Metadata::fixed(0600)}));
  REQUIRE_OK(transaction.copy("a", "e"));
  CHECK(transaction.copy("a", "a").error().kind == ErrorKind::invalid_argument);
  REQUIRE_OK(transaction.commit());
  const auto mode_of = [&](const char* name) {
    return fs::status(root / name).permissions() & fs::perms_mask;
  };
  CHECK(slurp(root / "b") == std::string(700'000, 'a'));
  CHECK(mode_of("b") == 0604);
  CHECK(slurp(root / "d") == "mine");
  CHECK(mode_of("d") == 0600);
  CHECK(slurp(root / "e") == "secret now");
  CHECK(mode_of("e") == 0600);
}

TEST_CASE("a copy of what is not there is an error, and ends the transaction") {
  const TempDirectory root;
  auto transaction = Transaction::begin(root.path()).value();
  const auto copied = transaction.copy("none", "b");
  REQUIRE_FALSE(copied);
  CHECK(copied.error().cause == std::errc::no_such_file_or_directory);
  CHECK_THAT(copied.error().message(), Contains((root / "none").native()));
}

TEST_CASE("a put may expect a version of its own path") {
  const TempDirectory root;
  spit(root / "a", "one");
  const Version version = read_version(root / "a").value();
  for (const bool changed : {false, true}) {
    auto transaction = Transaction::begin(root.path()).value();
    if (changed) spit(root / "a", "another");
    REQUIRE_OK(transaction.put("a", "two", {.expected = version}));
    REQUIRE_OK(transaction.put("n", "new", {.expected = Version::absent()}));
    const auto receipt = transaction.commit();
    CHECK(receipt.has_value() == !changed);
    if (changed) CHECK(receipt.error().kind == ErrorKind::conflict);
    fs::remove(root / "n");
  }
}
