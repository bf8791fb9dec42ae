// SPDX-License-Identifier: BSL-1.0
// Root beside a service, in the service's directory: SECURITY.md, "Root beside a service".
#include <perdure/files.hpp>
#include <perdure/recovery.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/transaction.hpp>

#include "engine/names.hpp"
#include "hostile/scene.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("side by side: what root leaves in a service's directory is the service's", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path state = scene.home() / "state";
  const auto save = [&](int value) -> std::string {
    auto tracker = CountTracker::open(state, count_options());
    if (!tracker) return tracker.error().message();
    const auto done = tracker.value().update([&](Count& count) { count.value = value; });
    return done ? "saved" : done.error().message();
  };
  const auto transact = [&]() -> std::string {
    auto transaction = Transaction::begin(scene.home());
    if (!transaction) return transaction.error().message();
    const auto put = transaction.value().put("one", "1");
    if (!put) return put.error().message();
    const auto done = transaction.value().commit();
    if (!done) return done.error().message();
    const auto recovered = recover(scene.home());
    return recovered ? "committed" : recovered.error().message();
  };
  SECTION("a state: its file, its lock") {
    CHECK(save(1) == "saved");
    CHECK(owner_of(scene.home() / ".state.perdure-lock") == service);
    CHECK(owner_of(state) == service);
    CHECK(as_user(service, [&] { return save(2); }) == "saved");
    CHECK(save(3) == "saved");
    CHECK(as_user(service, [&] { return save(4); }) == "saved");
  }
  SECTION("a root: its marker, its private directory, its lock") {
    CHECK(transact() == "committed");
    for (const auto* name : {".perdure-root", ".perdure", ".perdure/.root.perdure-lock"}) {
      CHECK(owner_of(scene.home() / name) == service);
    }
    give(scene.home() / "one", service);
    CHECK(as_user(service, transact) == "committed");
    CHECK(transact() == "committed");
  }
  SECTION("a root that the service made first") {
    CHECK(as_user(service, transact) == "committed");
    CHECK(transact() == "committed");
    CHECK(as_user(service, transact) == "committed");
  }
  SECTION("a lock of root's from before names itself, its owner and the remedy") {
    spit(scene.home() / ".state.perdure-lock", "", 0600);
    const std::string said = as_user(service, [&] { return save(1); });
    CHECK_THAT(said, Contains(".state.perdure-lock"));
    CHECK_THAT(said, Contains("user 0"));
    CHECK_THAT(said, Contains("chown"));
  }
  SECTION("in root's own directory everything is root's") {
    REQUIRE_OK(write_file(scene.roots() / "new", "1", {.coordinate = true}));
    CHECK(owner_of(scene.roots() / ".new.perdure-lock") == 0);
  }
}

namespace {

/// Dies at the first change behind the commit point.
struct Dying final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> rename(Handle from, const std::string& name, Handle to, const std::string& other,
                         RenameMode mode) override {
    committed = committed || other == names::journal;
    return base().rename(from, name, to, other, mode);
  }
  SysResult<void> link(Handle from, const std::string& name, Handle to,
                       const std::string& other) override {
    if (committed) return std::make_error_code(std::errc::io_error);
    return base().link(from, name, to, other);
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    if (committed) return std::make_error_code(std::errc::io_error);
    return base().make_directory(directory, name, mode);
  }
  bool committed = false;
};

TransactionOptions through(FileSystem& files) {
  TransactionOptions options;
  options.system = {.files = &files, .environment = &native_environment()};
  return options;
}

}  // namespace

// The new file and the link are root's. The kernel refuses the service a hard link to either
// (protected_hardlinks in proc(5)), so that every recovery of the service's failed.
TEST_CASE("side by side: a service finishes the transaction that root died in", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const std::string made = as_user(service, [&]() -> std::string {
    auto transaction = Transaction::begin(scene.home());
    if (!transaction) return transaction.error().message();
    const auto put = transaction.value().put("old", "1");
    if (!put) return put.error().message();
    const auto done = transaction.value().commit();
    return done ? "made" : done.error().message();
  });
  REQUIRE(made == "made");
  Dying files(native_file_system());
  const auto died = [&]() -> Result<TransactionReceipt> {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(scene.home(), through(files)));
    BOOST_OUTCOME_TRY(transaction.put("new", "N"));
    BOOST_OUTCOME_TRY(transaction.put_symlink("link", "new"));
    BOOST_OUTCOME_TRY(transaction.put("old", "2"));
    BOOST_OUTCOME_TRY(transaction.make_directory("sub"));
    BOOST_OUTCOME_TRY(transaction.put("sub/new", "S"));
    BOOST_OUTCOME_TRY(transaction.put("theirs", "root's"));
    return transaction.commit();
  }();
  REQUIRE_FALSE(died.has_value());
  REQUIRE(died.error().fate == Fate::committed);
  spit(scene.home() / "theirs", "the service's");  // in the meantime: it stays
  const auto recovered = [&] {
    return as_user(service, [&]() -> std::string {
      const auto report = recover(scene.home());
      return report ? report.value().set_aside : report.error().message();
    });
  };
  const std::string set_aside = recovered();
  REQUIRE_THAT(set_aside, Contains(".perdure/abandoned-"));
  CHECK(recovered().empty());
  CHECK(slurp(scene.home() / "new") == "N");
  CHECK(slurp(scene.home() / "old") == "2");
  CHECK(fs::read_symlink(scene.home() / "link") == "new");
  CHECK(slurp(scene.home() / "sub/new") == "S");
  CHECK(slurp(scene.home() / "theirs") == "the service's");
  const auto kept = list(scene.home() / set_aside);
  REQUIRE(kept.size() == 1);
  CHECK(slurp(scene.home() / set_aside / kept.front()) == "root's");
  CHECK(list(scene.home() / ".perdure").size() == 2);  // and the lock
}

// The directories were root's, so that the service could put nothing into them any more.
TEST_CASE("side by side: root finishes the transaction that a service died in, for the service",
          "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  bool finished = false;
  for (std::uint64_t n = 1; !finished; ++n) {
    CAPTURE(n);
    const Scene scene;
    const auto put = [&](FileSystem& files, const std::string& path) -> std::string {
      auto transaction = Transaction::begin(scene.home(), through(files));
      if (!transaction) return transaction.error().message();
      for (const char* directory : {"a", "a/b"}) {
        const auto made = transaction.value().make_directory(directory, 0750);
        if (!made) return made.error().message();
      }
      const auto staged = transaction.value().put(path, "N");
      if (!staged) return staged.error().message();
      const auto done = transaction.value().commit();
      if (done) return "committed";
      return done.error().fate == Fate::committed ? "died" : done.error().message();
    };
    const std::string died = as_user(service, [&] {
      Dying dying(native_file_system());
      return put(dying, "a/b/new");
    });
    REQUIRE(died == "died");
    testing::FaultyFileSystem dying(native_file_system());  // whatever call root dies at
    dying.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = true, .count = {}});
    finished = recover(scene.home(), through(dying)).has_value();
    if (finished) CHECK(slurp(scene.home() / "a/b/new") == "N");
    CHECK(as_user(service, [&] { return put(native_file_system(), "a/b/other"); }) == "committed");
    for (const char* path : {"a", "a/b", "a/b/new"})
      CHECK(owner_of(scene.home() / path) == service);
    REQUIRE(n < 1000);
  }
}

TEST_CASE("side by side: root makes a service's lock where there are no hard links", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  struct NoLinks final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<void> link(Handle /*from*/, const std::string& /*name*/, Handle /*to*/,
                         const std::string& /*other*/) override {
      return std::make_error_code(std::errc::operation_not_permitted);  // as FAT does
    }
  };
  NoLinks files(native_file_system());
  WriteOptions options;
  options.coordinate = true;
  REQUIRE_OK(write_file(scene.home() / "new", "1", options, {&files, &native_environment()}));
  CHECK(owner_of(scene.home() / ".new.perdure-lock") == service);
  CHECK(list(scene.home()) == std::vector<std::string>{".new.perdure-lock", "new"});
}

TEST_CASE("side by side: root opens a user's lock in a sticky directory", "[P17]") {
  // O_CREAT is refused there, even to root, where protected_regular is set.
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  give(scene.shared(), service);
  const fs::path target = Scene::plant(scene.shared() / "target", "old", service);
  Scene::plant(scene.shared() / ".target.perdure-lock", "", service);
  WriteOptions options;
  options.coordinate = true;
  REQUIRE_OK(write_file(target, "new", options));
  // A third user's lock is not believed: he could put another one in its place at any moment.
  Scene::plant(scene.shared() / ".other.perdure-lock", "", attacker);
  const auto done = write_file(scene.shared() / "other", "new", options);
  REQUIRE_FALSE(done.has_value());
  CHECK_THAT(done.error().message(), Contains(".other.perdure-lock"));
  CHECK_THAT(done.error().message(), Contains("user 12345"));
}
