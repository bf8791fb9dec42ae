// SPDX-License-Identifier: BSL-1.0
// Others who meddle with a root and its journal.
#include <perdure/system/forwarding_file_system.hpp>

#include "transaction/journal_format.hpp"
#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// A root at rest with these bytes under the journal's fixed name.
void plant_journal(const fs::path& root, Bytes bytes) {
  make_root(root);
  spit(root / ".perdure/j", as_text(bytes), 0600);
}

/// Something happens the moment the journal gets its name: after all checks, before all applying.
class AtCommitPoint final : public ForwardingFileSystem {
 public:
  explicit AtCommitPoint(std::function<void()> deed)
      : ForwardingFileSystem(native_file_system()), deed_(std::move(deed)) {}
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (to == "j" && deed_) std::exchange(deed_, nullptr)();
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }

 private:
  std::function<void()> deed_;
};

}  // namespace

TEST_CASE("a foreign or damaged journal is refused, and nothing changes", "[P14]") {
  const TempDirectory root;
  const TempDirectory outside;
  spit(root / "a", "old");
  spit(outside / "victim", "old");
  const std::string id = "0123456789abcdef";
  Buffer bytes;
  SECTION("rubbish") {
    bytes = Buffer(100, std::byte{'x'});
  }
  SECTION("empty") {}
  SECTION("cut off") {
    bytes = encode_journal({.id = id, .entries = {{.action = JournalAction::remove, .path = "a"}}});
    bytes.resize(bytes.size() - 1);
  }
  SECTION("an absolute path") {
    bytes = encode_journal(
        {.id = id,
         .entries = {{.action = JournalAction::remove, .path = (outside / "victim").native()}}});
  }
  SECTION("a path that climbs out") {
    bytes = encode_journal(
        {.id = id, .entries = {{.action = JournalAction::remove, .path = "../victim"}}});
  }
  SECTION("the private directory itself") {
    bytes = encode_journal(
        {.id = id,
         .entries = {{.action = JournalAction::remove, .path = ".perdure/.root.perdure-lock"}}});
  }
  plant_journal(root.path(), bytes);
  REQUIRE_FAILS(recovery_required, unchanged, recover(root.path()));
  REQUIRE_FAILS(recovery_required, unchanged, Transaction::begin(root.path()));
  const auto seen = inspect(root.path());
  REQUIRE_OK(seen);
  CHECK_FALSE(seen.value().damage.empty());
  CHECK(tree_of(root.path()) == Tree{{"a", "old"}});
  CHECK(slurp(outside / "victim") == "old");
  const auto report = abandon(root.path());
  REQUIRE_OK(report);
  CHECK_FALSE(report.value().damage.empty());
  REQUIRE_OK(Transaction::begin(root.path()));
}

TEST_CASE("a journal in the shape of a link is not followed", "[P7][P17]") {
  const TempDirectory root;
  const TempDirectory outside;
  make_root(root.path());
  spit(outside / "j", "bait");
  fs::create_symlink(outside / "j", root / ".perdure/j");
  CHECK_FALSE(recover(root.path()));
}

TEST_CASE("a directory that is swapped for a link after the checks leads nobody outside",
          "[P7][P17]") {
  const TempDirectory root;
  const TempDirectory outside;
  Sample::prepare(root.path());
  spit(outside / "c", "theirs");
  AtCommitPoint swapping([&] {
    fs::rename(root / "sub", root / "moved-away");
    fs::create_symlink(outside.path(), root / "sub");
  });
  const auto receipt = Sample::run(root.path(), through(swapping));
  // The directories that are open already are still the right ones; what has to be opened is not.
  if (!receipt) CHECK(receipt.error().fate == Fate::committed);
  CHECK(slurp(outside / "c") == "theirs");
  CHECK(list(outside.path()) == std::vector<std::string>{"c"});
}

// The root stayed in "recovery required" for everybody, whatever their transactions named.
TEST_CASE("a directory that a transaction makes, exchanged by who owns its parent, is left alone",
          "[P7][P17]") {
  const TempDirectory root;
  const TempDirectory outside;
  struct Exchanging final : ForwardingFileSystem {
    Exchanging() : ForwardingFileSystem(native_file_system()) {}
    SysResult<void> make_directory(Handle directory, const std::string& name,
                                   std::uint32_t mode) override {
      auto made = ForwardingFileSystem::make_directory(directory, name, mode);
      if (name == "made" && armed) exchange();
      return made;
    }
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      if (to == "j") armed = true;
      return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    }
    std::function<void()> exchange;
    bool armed = false;
  } files;
  const std::string by = GENERATE("a link", "a file");
  CAPTURE(by);
  files.exchange = [&] {
    fs::remove(root / "made");
    if (by == "a link") fs::create_symlink(outside.path(), root / "made");
    if (by == "a file") spit(root / "made", "theirs");
  };
  auto transaction = Transaction::begin(root.path(), through(files));
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().make_directory("made", 0755));
  REQUIRE_OK(transaction.value().put("made/file", "mine"));
  REQUIRE_OK(transaction.value().put("other", "new"));
  const auto receipt = transaction.value().commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"made/file"});
  CHECK(list(root / receipt.value().set_aside).size() == 1);
  CHECK(slurp(root / "other") == "new");
  CHECK(list(outside.path()).empty());
  REQUIRE_OK(Transaction::begin(root.path()));
}

TEST_CASE("a link that is planted at a target after the checks is reported, not followed",
          "[P7][P17]") {
  const TempDirectory root;
  const TempDirectory outside;
  spit(outside / "victim", "theirs");
  AtCommitPoint planting([&] { fs::create_symlink(outside / "victim", root / "new"); });
  auto transaction = Transaction::begin(root.path(), through(planting));
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("new", "mine"));
  const auto receipt = transaction.value().commit();
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"new"});
  CHECK(slurp(outside / "victim") == "theirs");
  CHECK(list(outside.path()) == std::vector<std::string>{"victim"});
}
