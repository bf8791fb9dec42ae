// SPDX-License-Identifier: BSL-1.0
// Neighbours who exchange temps and targets in a directory that they may write to.
#include <functional>
#include <unistd.h>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/transaction.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/rounds.hpp"

using namespace perdure;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

constexpr uid_t service = 4321;  // a user that no machine has

/// Puts something else in the temp's place just before the publish, as one who may write to the
/// directory can.
struct Exchanging final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (before) before(from);
    auto renamed = base().rename(from_directory, from, to_directory, to, mode);
    if (after) after();
    return renamed;
  }
  SysResult<void> make_directory(Handle directory, const std::string& name,
                                 std::uint32_t mode) override {
    auto made = base().make_directory(directory, name, mode);
    if (after_making) after_making(name);
    return made;
  }
  [[nodiscard]] System system() { return {.files = this, .environment = &native_environment()}; }
  std::function<void(const std::string& temp)> before;
  std::function<void()> after;
  std::function<void(const std::string& name)> after_making;
};

/// A directory that everybody may write to, and a target of root's in it.
struct OpenPlace {
  OpenPlace() {
    REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
    test::spit(target, "old");
  }
  /// A file of that user under `name`.
  void plant(const std::string& name, uid_t owner) const {
    fs::remove(directory / name);
    test::spit(directory / name, "planted");
    REQUIRE(::chown(directory.file(name).c_str(), owner, owner) == 0);
  }
  TempDirectory directory;
  fs::path target = directory / "target";
};

Result<void> commit_by(const std::string& way, const fs::path& target, System system) {
  WriteOptions options{.durability = Durability::none};
  if (way == "stream") {
    BOOST_OUTCOME_TRY(auto file, AtomicFile::create(target, options, system));
    BOOST_OUTCOME_TRY(file.write(as_bytes(std::string_view("new"))));
    BOOST_OUTCOME_TRY(file.commit());
    return success();
  }
  if (way == "batch") {
    const std::vector<NewFile> files{
        {.target = target, .image = as_bytes(std::string_view("new")), .expected = {}}};
    BOOST_OUTCOME_TRY(write_files(files, options, system).front());
    return success();
  }
  if (way == "keep") {
    fs::remove(target);
    options.existing = ExistingPolicy::keep;
  }
  if (way == "backup") options.existing = ExistingPolicy::backup;
  if (way == "fixed") options.metadata = Metadata::fixed(0644);
  if (way == "group") {
    options.durability = Durability::durable;
    options.group = std::make_shared<GroupCommit>();
  }
  BOOST_OUTCOME_TRY(write_file(target, "new", options, system));
  return success();
}

}  // namespace

// Five of five such commits said success, and the target was the neighbour's file.
TEST_CASE("a temp that a neighbour exchanges for a file of his is an error, whatever the commit",
          "[P17][P19]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const OpenPlace place;
  Exchanging files(native_file_system());
  files.before = [&](const std::string& temp) {
    if (temp.ends_with(".perdure-tmp")) place.plant(temp, service);
  };
  const std::string way = GENERATE("plain", "stream", "batch", "keep", "backup", "fixed", "group");
  CAPTURE(way);
  SECTION("everybody may write to the directory") {}
  SECTION("its group may") {
    REQUIRE(::chmod(place.directory.path().c_str(), 0775) == 0);
  }
  SECTION("it is another user's") {
    REQUIRE(::chmod(place.directory.path().c_str(), 0755) == 0);
    REQUIRE(::chown(place.directory.path().c_str(), service + 1, service + 1) == 0);
  }
  const auto done = commit_by(way, place.target, files.system());
  REQUIRE_FAILS(untrusted, unknown, done);
  CHECK_THAT(done.error().message(), test::Contains("user 4321"));
  CHECK(test::slurp(place.target) == "planted");
}

TEST_CASE("a state whose temp a neighbour exchanges is not called saved", "[P13][P17]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const OpenPlace place;
  Exchanging files(native_file_system());
  auto tracker =
      StateTracker<int>::open(place.directory / "state.json", {.system = files.system()});
  REQUIRE_OK(tracker);
  REQUIRE_OK(tracker.value().update([](int& state) { state = 1; }));
  files.before = [&](const std::string& temp) { place.plant(temp, service); };
  const auto saved = tracker.value().update([](int& state) { state = 2; });
  REQUIRE_FALSE(saved.has_value());
  CHECK(to_string(saved.error().fate) == "unknown");
}

TEST_CASE("a temp that is exchanged for a second name of the old file is an error", "[P17]") {
  // rename(2) between two names of one file does nothing, and returns success.
  if (!test::is_root()) return test::skip("needs root for other users' files");
  const OpenPlace place;
  Exchanging files(native_file_system());
  files.before = [&](const std::string& temp) {
    fs::remove(place.directory / temp);
    fs::create_hard_link(place.target, place.directory / temp);
  };
  REQUIRE_FAILS(untrusted, unknown, write_file(place.target, "new", {}, files.system()));
  CHECK(test::slurp(place.target) == "old");
}

TEST_CASE("a commit of somebody trusted that comes behind ours does not fail ours", "[P17]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const OpenPlace place;
  REQUIRE(::chown(place.directory.path().c_str(), service, service) == 0);
  Exchanging files(native_file_system());
  const uid_t owner = GENERATE(0U, service);
  files.after = [&] { place.plant("target", owner); };
  REQUIRE_OK(write_file(place.target, "new", {}, files.system()));
  files.after = [&] { fs::remove(place.target); };
  REQUIRE_OK(write_file(place.target, "new", {}, files.system()));
  files.after = [&] { place.plant("target", service + 1); };
  REQUIRE_FAILS(untrusted, unknown, write_file(place.target, "new", {}, files.system()));
}

// It was given to him, since root had made it, too.
TEST_CASE("another directory of root's in the place of a private one is not given away", "[P17]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const TempDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), service, service) == 0);
  fs::create_directory(directory / "precious");
  REQUIRE(::chmod(directory.file("precious").c_str(), 0700) == 0);
  test::spit(directory / "precious" / "file", "root's");
  Exchanging files(native_file_system());
  files.after_making = [&](const std::string& name) {
    if (name != ".perdure") return;
    fs::rename(directory / name, directory / "aside");
    fs::rename(directory / "precious", directory / name);
  };
  TransactionOptions options;
  options.system = files.system();
  const bool lost = GENERATE(false, true);
  CAPTURE(lost);
  if (lost) {  // by a root that was made before
    test::spit(directory / ".perdure-root", "perdure root 1\n.perdure\n");
    REQUIRE(::chown(directory.file(".perdure-root").c_str(), service, service) == 0);
    REQUIRE_FALSE(recover(directory.path(), options).has_value());
  } else {
    (void)Transaction::begin(directory.path(), options);
  }
  CHECK(test::status_of(directory / ".perdure").st_uid == 0);
  CHECK(test::slurp(directory / ".perdure" / "file") == "root's");
}

// It got the owner and the mode of the target, which is his.
TEST_CASE("a file of root's in the place of a staged one is not given away", "[P17]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const TempDirectory directory;
  const TempDirectory elsewhere;
  REQUIRE(::chown(directory.path().c_str(), service, service) == 0);
  test::spit(directory / "precious", "root's", 0600);
  fs::create_hard_link(directory / "precious", elsewhere / "precious");
  test::spit(directory / "target", "old");
  REQUIRE(::chown(directory.file("target").c_str(), service, service) == 0);
  auto transaction = Transaction::begin(directory.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("target", "new"));
  for (const auto& name : test::list(directory / ".perdure")) {
    if (name.starts_with("s_")) fs::rename(directory / "precious", directory / ".perdure" / name);
  }
  REQUIRE(::chmod(directory.file("target").c_str(), 0640) == 0);
  REQUIRE_FAILS(conflict, unchanged, transaction.value().commit());
  CHECK(test::status_of(elsewhere / "precious").st_uid == 0);
  CHECK(test::slurp(directory / "target") == "old");
}

// Link and unlink failed at his directory, in each `begin` that followed.
TEST_CASE("a directory under the name of an apply temp holds up no root", "[P12][P17]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const OpenPlace place;
  Exchanging files(native_file_system());
  std::string taken;
  std::string renamed;
  TransactionOptions options;
  options.system = files.system();
  const auto block = [&](const std::string& temp) {
    taken = temp;
    fs::remove(place.directory / temp);
    fs::create_directory(place.directory / temp);
    place.plant(temp + "/in the way", service);
    REQUIRE(::chown(place.directory.file(temp).c_str(), service, service) == 0);
  };
  SECTION("before the rename") {
    files.before = [&](const std::string& temp) {
      if (temp.ends_with(".perdure-put") && taken.empty()) block(temp);
    };
  }
  SECTION("behind the rename, and the next path fails") {
    files.before = [&](const std::string& temp) {
      if (!temp.ends_with(".perdure-put") || !taken.empty()) return;
      if (renamed.empty()) {
        renamed = temp;
      } else {
        block(renamed);
        fs::remove(place.directory / temp);
      }
    };
  }
  REQUIRE_FAILS(system, committed, [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(place.directory.path(), options));
    BOOST_OUTCOME_TRY(transaction.put("target", "new"));
    BOOST_OUTCOME_TRY(transaction.put("zebra", "new"));
    BOOST_OUTCOME_TRY(transaction.commit());
    return success();
  }());
  REQUIRE_OK(recover(place.directory.path(), options));
  CHECK(test::slurp(place.target) == "new");
  CHECK(test::slurp(place.directory / "zebra") == "new");
  CHECK(test::slurp(place.directory / taken / "in the way") == "planted");
}

TEST_CASE("beside a neighbour who exchanges temps, success means that the target is ours",
          "[P17]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const OpenPlace place;
  const test::Child neighbour([&]() -> std::string {
    if (::setgroups(0, nullptr) != 0 || ::setgid(service) != 0 || ::setuid(service) != 0) {
      return "can't become the user";
    }
    for (;;) {
      for (const auto& name : test::temps_in(place.directory.path())) {
        test::spit(place.directory / "planted", "planted");
        (void)::rename(place.directory.file("planted").c_str(), place.directory.file(name).c_str());
      }
    }
  });
  const int rounds = test::rounds_of(60);
  for (int round = 0; round < rounds; ++round) {
    const auto done = write_file(place.target, "new " + std::to_string(round));
    CAPTURE(round);
    if (done) {
      REQUIRE(test::slurp(place.target) == "new " + std::to_string(round));
      REQUIRE(test::status_of(place.target).st_uid == 0);
    } else {
      CHECK(to_string(done.error().fate) == "unknown");
      fs::remove(place.target);
    }
  }
}
