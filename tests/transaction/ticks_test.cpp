// SPDX-License-Identifier: BSL-1.0
// Others change a tree within one tick of a coarse clock, so that the stamps stay as they were: the
// last look of a transaction must still tell.
#include <functional>
#include <string>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/result.hpp"
#include "support/ticking.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// A root that is older, with files that were made in this very tick.
struct Root {
  Root() {
    disk.make_directories("r");
    REQUIRE_OK(recover("/r", options(disk)));
    disk.pass_tick();
    for (const char* path : {"r/d/a", "r/d/b"}) disk.put(path, "old");
    disk.sync_all();
  }
  TransactionOptions options(FileSystem& files) {
    TransactionOptions made;
    made.system = {&files, &environment};
    return made;
  }
  std::string content(const std::string& path) { return disk.content("r/" + path).value_or(""); }
  /// Somebody else writes three bytes into the file.
  void write_in_place(const std::string& name) {
    const OwnedHandle d(disk, disk.open_directory(Handle::working_directory, "/r/d").value());
    const OwnedHandle file(disk, disk.open_lock(d.get(), name).value());
    disk.write_at(file.get(), 0, as_bytes(std::string_view("THE"))).value();
  }

  SimulatedFileSystem disk{*find_preset("ext4")};
  TickingEnvironment environment{disk};
};

/// Does something of its own as soon as the journal has its name; with `dies` nothing works then.
struct Meanwhile final : ForwardingFileSystem {
  Meanwhile(FileSystem& below, std::function<void()> deed, bool dying = false)
      : ForwardingFileSystem(below), change(std::move(deed)), dies(dying) {}
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    const auto renamed = ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
    if (to == "j") {
      change();
      dead = dies;
    }
    return renamed;
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (dead) return std::make_error_code(std::errc::io_error);
    return ForwardingFileSystem::link(from_directory, from, to_directory, to);
  }
  std::function<void()> change;
  bool dies;
  bool dead = false;
};

/// Does something of its own between the look that compares the expected version and the next one.
struct BetweenLooks final : ForwardingFileSystem {
  BetweenLooks(FileSystem& below, std::string watched, std::function<void()> deed)
      : ForwardingFileSystem(below), name(std::move(watched)), change(std::move(deed)) {}
  SysResult<Status> stat_at(Handle directory, const std::string& leaf) override {
    if (armed && leaf == name && ++looks == 2) change();
    return ForwardingFileSystem::stat_at(directory, leaf);
  }
  std::string name;
  std::function<void()> change;
  bool armed = false;
  int looks = 0;
};

Result<TransactionReceipt> put_both(Root& root, FileSystem& files) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/r", root.options(files)));
  BOOST_OUTCOME_TRY(transaction.put("d/a", "new"));
  BOOST_OUTCOME_TRY(transaction.put("d/b", "new"));
  return transaction.commit();
}

TEST_CASE("recovery leaves what was written in place within the tick of the last look", "[P15]") {
  Root root;
  Meanwhile dying(
      root.disk, [&] { root.write_in_place("a"); }, true);
  REQUIRE_FAILS(system, committed, put_both(root, dying));
  root.disk.kill();
  REQUIRE_OK(recover("/r", root.options(root.disk)));
  CHECK(root.content("d/a") == "THE");
  CHECK(root.content("d/b") == "new");
}

TEST_CASE("a file that somebody made anew within the tick of its birth stays theirs", "[P15]") {
  Root root;
  Meanwhile meanwhile(root.disk, [&] { root.disk.put("r/d/a", "theirs"); });
  const auto receipt = put_both(root, meanwhile);
  REQUIRE_OK(receipt);
  CHECK(receipt.value().left_alone == std::vector<std::string>{"d/a"});
  CHECK(root.content("d/a") == "theirs");
  CHECK(root.content("d/b") == "new");
}

TEST_CASE("a mode that a file got within the tick of the put is kept", "[P6]") {
  Root root;
  auto transaction = Transaction::begin("/r", root.options(root.disk)).value();
  REQUIRE_OK(transaction.put("d/a", "new"));
  const OwnedHandle d(root.disk,
                      root.disk.open_directory(Handle::working_directory, "/r/d").value());
  {
    const OwnedHandle file(root.disk, root.disk.open_file(d.get(), "a").value());
    REQUIRE(root.disk.set_mode(file.get(), 0600));
  }
  REQUIRE_OK(transaction.commit());
  CHECK(root.content("d/a") == "new");
  CHECK(root.disk.stat_at(d.get(), "a").value().mode == 0600);
}

TEST_CASE("an expected file that is written into after it was compared is a conflict", "[P5]") {
  Root root;
  ManualEnvironment still;  // the tick never ends, so that the version has a hash
  const bool ticking = GENERATE(true, false);
  const System system{&root.disk, ticking ? static_cast<Environment*>(&root.environment) : &still};
  const Version version = read_version("/r/d/a", system).value();
  CHECK((version.content == 0) == ticking);
  BetweenLooks between(root.disk, "a", [&] { root.write_in_place("a"); });
  auto transaction = Transaction::begin("/r", root.options(between)).value();
  REQUIRE_OK(transaction.expect("d/a", version));
  REQUIRE_OK(transaction.put("d/a", "new"));
  between.armed = true;
  REQUIRE_FAILS(conflict, unchanged, transaction.commit());
  CHECK(root.content("d/a") == "THE");
}

TEST_CASE("a transaction waits for the tick once, and on a fine clock never") {
  Root root;
  const std::uint64_t before = root.environment.sleeps();
  REQUIRE_OK(put_both(root, root.disk));
  CHECK(root.environment.sleeps() == before + 1);
  SimulatedFileSystem fine;
  for (const char* path : {"r/d/a", "r/d/b"}) fine.put(path, "old");
  ManualEnvironment environment;
  TransactionOptions options;
  options.system = {&fine, &environment};
  auto transaction = Transaction::begin("/r", options).value();
  REQUIRE_OK(transaction.put("d/a", "new"));
  REQUIRE_OK(transaction.commit());
  CHECK(environment.sleeps() == 0);
}

}  // namespace
