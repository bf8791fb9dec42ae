// SPDX-License-Identifier: BSL-1.0
// The table of trust, row by row: what another user put there decides nothing that it must not.
#include "engine/trust.hpp"

#include <array>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>
#include <perdure/transaction.hpp>

#include "engine/names.hpp"
#include "hostile/scene.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/rounds.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("trust: another user's file in a sticky directory decides neither owner nor mode",
          "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path target = Scene::plant(scene.shared() / "target", "bait");
  REQUIRE_FAILS(untrusted, unchanged, write_file(target, "secret"));
  CHECK(slurp(target) == "bait");
  auto streamed = AtomicFile::create(target);
  REQUIRE_FALSE(streamed.has_value());
  CHECK(streamed.error().kind == ErrorKind::untrusted);

  // With metadata of one's own nothing comes from it.
  WriteOptions fixed;
  fixed.metadata = Metadata::fixed(0600);
  REQUIRE_OK(write_file(target, "secret", fixed));
  CHECK(owner_of(target) == 0);
  CHECK((fs::status(target).permissions() & 0777) == 0600);

  // The directory's owner may replace anything there: he is believed.
  give(scene.shared(), service);
  const fs::path his = Scene::plant(scene.shared() / "his", "old", service);
  REQUIRE_OK(write_file(his, "new"));
  CHECK(owner_of(his) == service);
}

// It was asked once for each commit that keeps the metadata of another user's file.
TEST_CASE("trust: nobody is asked who we are where owners do not matter", "[P20]") {
  if (!is_root()) return skip("needs root to give a file away");
  struct Counting final : ForwardingFileSystem {
    Counting() : ForwardingFileSystem(native_file_system()) {}
    std::uint32_t user() override {
      ++asked;
      return base().user();
    }
    int asked = 0;
  } files;
  const TempDirectory directory;  // its owner's alone
  spit(directory / "target", "old");
  give(directory / "target", service);
  REQUIRE_OK(write_file(directory / "target", "new", {},
                        {.files = &files, .environment = &native_environment()}));
  CHECK(files.asked == 0);
}

// The new content became the attacker's own file, which he could read and write.
TEST_CASE("trust: a transaction takes no owner from another user's file in a sticky directory",
          "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const auto put = [&](const TransactionOptions& options, bool late) -> Result<void> {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(scene.shared(), options));
    if (!late) Scene::plant(scene.shared() / "target", "bait");
    BOOST_OUTCOME_TRY(transaction.put("target", "secret"));
    if (late) Scene::plant(scene.shared() / "target", "bait");
    BOOST_OUTCOME_TRY(transaction.commit());
    return success();
  };
  const bool late = GENERATE(false, true);
  CAPTURE(late);
  REQUIRE_FAILS(untrusted, unchanged, put({}, late));
  CHECK(slurp(scene.shared() / "target") == "bait");
  fs::remove(scene.shared() / "target");

  TransactionOptions fixed;
  fixed.metadata = Metadata::fixed(0600);
  REQUIRE_OK(put(fixed, late));
  CHECK(slurp(scene.shared() / "target") == "secret");
  CHECK(owner_of(scene.shared() / "target") == 0);
}

TEST_CASE("trust: a target that comes and goes in a sticky directory never gets its maker's owner",
          "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path target = scene.shared() / "target";
  const fs::path over = scene.directory / "over";
  const Child planter([&]() -> std::string {
    if (::setgid(attacker) != 0 || ::setuid(attacker) != 0) return "not another user";
    while (::access(over.c_str(), F_OK) != 0) {
      const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd >= 0) ::close(fd);
      ::unlink(target.c_str());
    }
    return "done";
  });
  WriteOptions options;
  options.durability = Durability::ordered;
  int committed = 0;
  for (int round = 0; round < rounds_of(20000) && committed < rounds_of(100); ++round) {
    if (!write_file(target, "secret", options)) {
      ::sched_yield();  // the planter may be in the middle of a round, on this processor
      continue;
    }
    ++committed;
    CHECK(owner_of(target) == 0);
    fs::remove(target);
  }
  spit(over, "");
  CHECK(committed > 0);
}

TEST_CASE("trust: nobody leads another user to a third one's file by a link", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const auto link_in = [&](const fs::path& directory, const fs::path& to, uid_t user) {
    const fs::path link = directory / "link";
    fs::create_symlink(to, link);
    give(link, user);
    return link;
  };
  const auto refused = [&](const fs::path& link) {
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(link, "new"));
    REQUIRE_FAILS(symlink_refused, unchanged, read_file(link));
    const auto tracker = CountTracker::open(link, count_options());
    REQUIRE_FALSE(tracker.has_value());
    CHECK(tracker.error().kind == ErrorKind::symlink_refused);
    scene.check_victim();
  };
  SECTION("in a directory that its group may write to, without the sticky bit") {
    REQUIRE(::chmod(scene.home().c_str(), 0775) == 0);
    refused(link_in(scene.home(), scene.victim(), attacker));
  }
  SECTION("the directory's own user") {
    refused(link_in(scene.home(), "../roots/victim", service));
  }
  SECTION("by way of a link of root's in between") {
    fs::create_symlink(scene.victim(), scene.home() / "middle");
    refused(link_in(scene.home(), "middle", service));
  }
  SECTION("to a file of his in another user's directory") {
    Scene::plant(scene.shared() / "his", "his", service);
    const fs::path link = link_in(scene.home(), scene.shared() / "his", service);
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(link, "new"));
  }
  SECTION("to a file of his in his own directory it is his affair") {
    Scene::plant(scene.home() / "his", "his", service);
    const fs::path link = link_in(scene.home(), "his", service);
    REQUIRE_OK(write_file(link, "new"));
    CHECK(slurp(scene.home() / "his") == "new");
    CHECK(owner_of(scene.home() / "his") == service);
  }
  SECTION("root's own link may lead anywhere") {
    const fs::path link = link_in(scene.home(), scene.victim(), 0);
    REQUIRE_OK(write_file(link, "root's"));
    scene.check_victim();
  }
}

TEST_CASE("trust: two links that change places lead nobody astray", "[P17]") {
  // The owner was read of one link, the text of the other.
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  struct Swapper final : ForwardingFileSystem {
    explicit Swapper(FileSystem& base, fs::path at)
        : ForwardingFileSystem(base), home(std::move(at)) {}
    SysResult<Status> stat_at(Handle directory, const std::string& name) override {
      auto status = base().stat_at(directory, name);
      swap();
      return status;
    }
    SysResult<Status> stat(Handle handle) override {
      auto status = base().stat(handle);
      swap();
      return status;
    }
    void swap() const {
      const fs::path link = home / "link";
      const fs::path other = home / "other";
      (void)::renameat2(AT_FDCWD, link.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    }
    fs::path home;
  };
  fs::create_symlink(scene.victim(), scene.home() / "link");
  give(scene.home() / "link", service);
  spit(scene.home() / "harmless", "old");
  fs::create_symlink("harmless", scene.home() / "other");  // root's own
  Swapper files(native_file_system(), scene.home());
  for (int round = 0; round < 4; ++round) {
    (void)write_file(scene.home() / "link", "new", {}, {&files, &native_environment()});
    files.swap();
    scene.check_victim();
  }
}

TEST_CASE("trust: a state that another user planted is refused", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path state = Scene::plant(scene.shared() / "state", R"({"value": 7})");
  const auto tracker = CountTracker::open(state, count_options());
  REQUIRE_FALSE(tracker.has_value());
  CHECK(tracker.error().kind == ErrorKind::untrusted);
  CHECK_THAT(tracker.error().message(), Contains("user 12345"));
  CHECK(slurp(state) == R"({"value": 7})");
}

TEST_CASE("trust: planted names of previous generations stop no tracker", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path state = scene.shared() / "state";
  constexpr off_t huge = off_t{6} << 30;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    const fs::path planted = scene.shared() / names::previous_of("state", number);
    Scene::plant(planted, "");
    REQUIRE(::truncate(planted.c_str(), huge) == 0);
  }
  Scene::plant(scene.shared() / names::previous_of("state", UINT64_MAX), R"({"value": 9})");
  {
    auto tracker = CountTracker::open(state, count_options());
    REQUIRE_OK(tracker);
    for (int value = 1; value <= 6; ++value) {
      REQUIRE_OK(tracker.value().update([&](Count& count) { count.value = value; }));
    }
    CHECK(tracker.value().generation() == 6);
  }
  for (std::uint64_t number = 1; number <= 4; ++number) {
    CHECK(owner_of(scene.shared() / names::previous_of("state", number)) == attacker);
  }
  // The tracker finds the kept ones: the newest but one takes the place of the lost one.
  spit(state, "damaged");
  const auto again = CountTracker::open(state, count_options());
  REQUIRE_OK(again);
  CHECK(again.value().report().origin == Origin::previous);
  CHECK(again.value().state()->value == 5);
}

TEST_CASE("trust: a generation that was planted under a name of ours is kept, found and dropped",
          "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path state = scene.shared() / "state";
  Scene::plant(scene.shared() / names::previous_of("state", 1), "bait");
  auto tracker = CountTracker::open(state, count_options());
  REQUIRE_OK(tracker);
  const auto save = [&](int value) {
    REQUIRE_OK(tracker.value().update([&](Count& count) { count.value = value; }));
  };
  const auto kept = [&] {
    int count = 0;
    for (const auto& name : list(scene.shared())) {
      const auto number = names::parse_previous(name, "state");
      if (number == 1 && name != names::previous_of("state", 1)) ++count;
    }
    return count;
  };
  save(1);
  save(2);
  CHECK(kept() == 1);
  save(3);
  save(4);
  CHECK(kept() == 0);  // dropped in its turn
  CHECK(slurp(scene.shared() / names::previous_of("state", 1)) == "bait");
}

TEST_CASE("trust: a large file under a generation's name is moved away unread", "[P12]") {
  // Both files were read whole to be compared: 6 GiB of zeros took as much memory.
  const TempDirectory directory;
  const fs::path state = directory / "state";
  auto tracker = CountTracker::open(state, count_options());
  REQUIRE_OK(tracker);
  REQUIRE_OK(tracker.value().update([](Count& count) { count.value = 1; }));
  const fs::path planted = directory / names::previous_of("state", 1);
  spit(planted, "");
  constexpr off_t huge = off_t{1} << 40;
  REQUIRE(::truncate(planted.c_str(), huge) == 0);
  REQUIRE_OK(tracker.value().update([](Count& count) { count.value = 2; }));
  CHECK(fs::file_size(planted) < 1000);
}

TEST_CASE("trust: links and directories under names of generations are not generations", "[P12]") {
  const TempDirectory directory;
  const fs::path state = directory / "state";
  {
    auto tracker = CountTracker::open(state, count_options());
    REQUIRE_OK(tracker);
    for (int value = 1; value <= 2; ++value) {
      REQUIRE_OK(tracker.value().update([&](Count& count) { count.value = value; }));
    }
  }
  fs::create_directory(directory / names::previous_of("state", 7));
  fs::create_symlink("/dev/zero", directory / names::previous_of("state", 8));
  REQUIRE(::mkfifo((directory / names::previous_of("state", 9)).c_str(), 0600) == 0);
  spit(state, "damaged");
  const auto again = CountTracker::open(state, count_options());
  REQUIRE_OK(again);
  CHECK(again.value().state()->value == 1);
}

TEST_CASE("trust: markers and private directories of others block nobody, or are named", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  const fs::path mine = scene.shared() / "mine";
  fs::create_directory(mine);
  const auto commit = [&](const fs::path& root) -> Result<void> {
    BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root));
    BOOST_OUTCOME_TRY(transaction.put("file", "new"));
    BOOST_OUTCOME_TRY(transaction.commit());
    return success();
  };
  SECTION("a marker above") {
    Scene::plant(scene.shared() / ".perdure-root", "perdure root 1\n.perdure\n");
    REQUIRE_OK(commit(mine));
    CHECK(slurp(mine / "file") == "new");
  }
  SECTION("a marker in the root itself, which is sticky") {
    Scene::plant(scene.shared() / ".perdure-root", "perdure root 1\n.perdure\n");
    REQUIRE_FAILS(untrusted, unchanged, commit(scene.shared()));
  }
  SECTION("a marker that is a link") {
    spit(scene.directory / "marker", "perdure root 1\n/tmp/elsewhere\n");
    fs::create_symlink(scene.directory / "marker", mine / ".perdure-root");
    const auto done = commit(mine);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().cause == std::errc::too_many_symbolic_link_levels);
  }
  SECTION("a private directory beside") {
    fs::create_directory(scene.shared() / ".perdure");
    give(scene.shared() / ".perdure", attacker);
    const auto done = commit(scene.shared());
    REQUIRE_FALSE(done.has_value());
    CHECK_THAT(done.error().message(), Contains("belongs to user 12345"));
    CHECK_THAT(done.error().message(), Contains("choose another root"));
  }
}

TEST_CASE("trust: a directory just made, exchanged by the owner of the one above", "[P17]") {
  if (!is_root()) return skip("needs root to be other users");
  const Scene scene;
  enum class Puts { link, directory_of_another };
  struct Exchanger final : ForwardingFileSystem {
    Exchanger(FileSystem& base, const Scene& at, Puts what)
        : ForwardingFileSystem(base), scene(at), puts(what) {}
    SysResult<void> make_directory(Handle directory, const std::string& name,
                                   std::uint32_t mode) override {
      auto made = base().make_directory(directory, name, mode);
      const fs::path path = scene.home() / name;
      fs::rename(path, scene.home() / "away");
      if (puts == Puts::link) {
        fs::create_symlink(scene.roots(), path);
      } else {
        fs::create_directory(path);
      }
      ::lchown(path.c_str(), attacker, attacker);
      return made;
    }
    const Scene& scene;
    Puts puts;
  };
  const auto puts = GENERATE(Puts::link, Puts::directory_of_another);
  Exchanger files(native_file_system(), scene, puts);
  WriteOptions options;
  options.make_parents = true;
  const auto done =
      write_file(scene.home() / "made" / "file", "new", options, {&files, &native_environment()});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().fate == Fate::unchanged);
  scene.check_victim();
  CHECK(list(scene.home() / "away").empty());
}

TEST_CASE("abandon makes nothing", "[P6]") {
  const TempDirectory directory;
  {
    auto transaction = Transaction::begin(directory.path());
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("file", "1"));
    REQUIRE_OK(transaction.value().commit());
  }
  fs::remove_all(directory / ".perdure");
  const auto names = list(directory.path());
  CHECK_FALSE(abandon(directory.path()).has_value());
  CHECK(list(directory.path()) == names);
  const auto recovered = recover(directory.path());
  REQUIRE_OK(recovered);
  CHECK(recovered.value().restored);
}

TEST_CASE("trust: owners without a number in this user name space equal nobody", "[P17]") {
  testing::SimulatedFileSystem disk;
  testing::ManualEnvironment environment;
  const System system{&disk, &environment};
  disk.make_directories("d");
  const std::uint32_t unmapped = 65534;
  disk.put("d/file", "old");
  disk.make_symlink("d/link", "file");
  const OwnedHandle d(disk, disk.open_directory(Handle::working_directory, "d").value());
  const auto give_in_d = [&](const std::string& name) {
    const OwnedHandle file(disk, disk.open_link(d.get(), name).value());
    REQUIRE(disk.set_owner(file.get(), unmapped, unmapped).has_value());
  };
  give_in_d("file");
  give_in_d("link");
  REQUIRE(disk.set_owner(d.get(), unmapped, unmapped).has_value());
  CHECK_FALSE(is_same_user(disk, unmapped, unmapped));
  CHECK(is_same_user(disk, 7, 7));
  REQUIRE_FAILS(symlink_refused, unchanged, write_file("d/link", "new", {}, system));
  REQUIRE(disk.set_owner(d.get(), 0, 0).has_value());
  REQUIRE(disk.set_mode(d.get(), 01777).has_value());
  REQUIRE_FAILS(untrusted, unchanged, write_file("d/file", "new", {}, system));
}

TEST_CASE("trust: who may write names, by mode and owner of the directory", "[P17]") {
  testing::SimulatedFileSystem disk;
  const auto writers = [&](std::uint32_t mode, std::uint32_t owner) {
    Status directory;
    directory.mode = mode;
    directory.owner = owner;
    return name_writers(disk, directory);
  };
  CHECK(writers(0755, 0) == NameWriters::user);
  CHECK(writers(01755, 0) == NameWriters::user);
  CHECK(writers(0755, 7) == NameWriters::owner);
  CHECK(writers(0775, 0) == NameWriters::many);
  CHECK(writers(0777, 7) == NameWriters::many);
  CHECK(writers(01777, 0) == NameWriters::sticky);
  CHECK(writers(01775, 7) == NameWriters::sticky);
}
