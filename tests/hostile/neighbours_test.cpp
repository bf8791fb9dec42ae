// SPDX-License-Identifier: BSL-1.0
// Neighbours who can write where we commit: they swap, plant, hold and remove. Nothing outside of
// our directory is ever written to, and every commit is told truly what became of it.
#include <atomic>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>

#include <perdure/perdure.hpp>
#include <perdure/transaction.hpp>

#include "support/directory.hpp"
#include "support/mount.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/rounds.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::TempDirectory;

namespace {

namespace fs = boost::filesystem;

const int rounds = perdure::test::rounds_of(200);

/// A neighbour at work for as long as it lives.
class Neighbour {
 public:
  explicit Neighbour(std::function<void()> act)
      : thread_([this, act = std::move(act)] {
          while (!over_) {
            act();
            ++acts_;
          }
        }) {}
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;
  ~Neighbour() {
    over_ = true;
    thread_.join();
  }
  [[nodiscard]] int acts() const { return acts_; }

 private:
  std::atomic<bool> over_ = false;
  std::atomic<int> acts_ = 0;
  std::thread thread_;
};

/// Ours, and theirs that nobody may touch.
struct Scene {
  Scene() {
    fs::create_directory(ours());
    fs::create_directory(theirs());
    test::spit(ours() / "target", "first");
    test::spit(theirs() / "victim", "theirs");
    test::spit(theirs() / "target", "theirs");
  }
  [[nodiscard]] fs::path ours() const { return directory / "ours"; }
  [[nodiscard]] fs::path theirs() const { return directory / "theirs"; }
  void check_theirs() const {
    CHECK(test::list(theirs()) == std::vector<std::string>{"target", "victim"});
    CHECK(test::slurp(theirs() / "target") == "theirs");
    CHECK(test::slurp(theirs() / "victim") == "theirs");
  }

  TempDirectory directory;
};

/// Puts a link to `to` where `at` was, for a moment. The errors are the neighbour's own affair.
void swap_for_link(const fs::path& at, const fs::path& to) {
  const fs::path aside = at.native() + ".aside";
  if (::rename(at.c_str(), aside.c_str()) != 0) return;
  (void)!::symlink(to.c_str(), at.c_str());
  ::unlink(at.c_str());
  ::rename(aside.c_str(), at.c_str());
}

}  // namespace

TEST_CASE("a directory that is swapped for a link while a bound writer commits", "[P17]") {
  const Scene scene;
  const auto writer = AtomicWriter::bind(scene.ours());
  REQUIRE_OK(writer);
  const Neighbour swapper([&] { swap_for_link(scene.ours(), scene.theirs()); });
  do {
    for (int i = 0; i < rounds; ++i) REQUIRE_OK(writer.value().commit("target", "new"));
  } while (swapper.acts() == 0);
  scene.check_theirs();
}

TEST_CASE("a target and temps that are swapped for links are never written through", "[P17]") {
  const Scene scene;
  WriteOptions options;
  options.symlink = SymlinkPolicy::refuse;
  options.durability = Durability::ordered;
  const auto writer = AtomicWriter::bind(scene.ours(), options);
  REQUIRE_OK(writer);
  const fs::path victim = scene.theirs() / "victim";
  {
    const Neighbour at_target([&] { swap_for_link(scene.ours() / "target", victim); });
    const Neighbour at_temps([&] {
      boost::system::error_code code;
      for (fs::directory_iterator entry(scene.ours(), code); entry != fs::directory_iterator();
           entry.increment(code)) {
        if (!entry->path().native().ends_with(".perdure-tmp")) continue;
        if (::unlink(entry->path().c_str()) == 0) {
          (void)!::symlink(victim.c_str(), entry->path().c_str());
        }
      }
    });
    do {
      for (int i = 0; i < rounds; ++i) {
        const auto done = writer.value().commit("target", "new");
        if (!done) CHECK(done.error().fate != Fate::committed);
      }
    } while (at_target.acts() == 0 || at_temps.acts() == 0);
  }
  scene.check_theirs();
}

TEST_CASE("directories beneath a root that are swapped for links while it commits and recovers",
          "[P17]") {
  const Scene scene;
  const fs::path root = scene.ours();
  fs::create_directory(root / "sub");
  REQUIRE_OK(recover(root));
  {
    const Neighbour swapper([&] { swap_for_link(root / "sub", scene.theirs()); });
    int committed = 0;
    for (int i = 0; i < rounds || swapper.acts() == 0; ++i) {
      auto transaction = Transaction::begin(root);
      if (!transaction) {  // finishing the one before met a link
        CHECK(transaction.error().fate != Fate::visible);
        (void)recover(root);
        continue;
      }
      if (!transaction.value().put("sub/target", "new")) continue;
      if (transaction.value().commit()) ++committed;
    }
    CHECK(committed >= 0);
  }
  scene.check_theirs();
  REQUIRE_OK(recover(root));
}

TEST_CASE("what another user plants in a directory for all stops us, and is left alone", "[P17]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const Scene scene;
  fs::permissions(scene.directory.path(), fs::perms(0755));
  REQUIRE(::chmod(scene.ours().c_str(), 01777) == 0);
  const std::string planted_temp = ".target.0123456789abcdef.perdure-tmp";
  const auto plant = [&](const std::function<void()>& act) {
    return test::as_user(test::nobody, [&]() -> std::string {
      act();
      return "done";
    });
  };
  WriteOptions options;
  options.coordinate = true;
  options.lock_timeout_ms = std::chrono::milliseconds(0);
  SECTION("a temp") {
    REQUIRE(plant([&] { test::spit(scene.ours() / planted_temp, "bait", 0666); }) == "done");
    REQUIRE_OK(write_file(scene.ours() / "target", "new", options));
    CHECK(test::slurp(scene.ours() / planted_temp) == "bait");
  }
  SECTION("a link in the place of the lock") {
    REQUIRE(plant([&] {
              fs::create_symlink(scene.theirs() / "victim", scene.ours() / ".target.perdure-lock");
            }) == "done");
    REQUIRE_FAILS(system, unchanged, write_file(scene.ours() / "target", "new", options));
    CHECK(test::slurp(scene.ours() / "target") == "first");
  }
  SECTION("a lock that they hold") {
    // The file is theirs, and so is the time that it is locked: the wait ends, with a reason.
    test::Child holder([&]() -> std::string {
      const auto lock = scene.ours() / ".target.perdure-lock";
      const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      if (fd < 0 || ::fchown(fd, test::nobody, test::nobody) != 0) return "no lock";
      if (::flock(fd, LOCK_EX) != 0) return "not locked";
      const auto failed = write_file(scene.ours() / "target", "new", options);
      return failed ? "success" : std::string(to_string(failed.error().kind));
    });
    const std::string said = holder.said();
    CHECK((said == "lock_timeout" || said == "system"));
    CHECK(test::slurp(scene.ours() / "target") == "first");
  }
  SECTION("a journal") {
    REQUIRE(plant([&] {
              fs::create_directory(scene.ours() / ".perdure");
              test::spit(scene.ours() / ".perdure/j", "bait", 0666);
            }) == "done");
    REQUIRE_FALSE(Transaction::begin(scene.ours()).has_value());
    REQUIRE_FALSE(recover(scene.ours()).has_value());
    CHECK(test::slurp(scene.ours() / ".perdure/j") == "bait");
  }
  scene.check_theirs();
}

TEST_CASE("a part of a root that lies on another device is refused before anything happens",
          "[P17]") {
  if (!test::can_mount()) return test::skip("this user may not mount");
  const Scene scene;
  fs::create_directory(scene.ours() / "sub");
  const test::Mount mount({"-t", "tmpfs", "tmpfs", (scene.ours() / "sub").native()});
  REQUIRE(mount.error() == "");
  auto transaction = Transaction::begin(scene.ours());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("target", "new"));
  Result<void> put = transaction.value().put("sub/target", "new");
  if (put)
    put = [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(transaction.value().commit());
      return success();
    }();
  REQUIRE_FALSE(put.has_value());
  CHECK(put.error().fate == Fate::unchanged);
  CHECK(test::slurp(scene.ours() / "target") == "first");
  CHECK(test::list(scene.ours() / "sub").empty());
}

TEST_CASE("a directory that is removed under a commit", "[P17]") {
  const Scene scene;
  const fs::path doomed = scene.directory / "doomed";
  fs::create_directory(doomed);
  const auto writer = AtomicWriter::bind(doomed);
  REQUIRE_OK(writer);
  auto streamed = AtomicFile::create(doomed / "target");
  REQUIRE_OK(streamed);
  REQUIRE_OK(streamed.value().write(as_bytes(std::string_view("content"))));
  fs::remove_all(doomed);
  // It ends before the publish: a new file in there would show which mode the target is to get.
  REQUIRE_FAILS(system, unchanged, streamed.value().commit());
  REQUIRE_FAILS(system, unchanged, writer.value().commit("target", "new"));
  CHECK_FALSE(fs::exists(doomed));
  fs::create_directory(doomed);  // another one of that name is not ours
  REQUIRE_FAILS(system, unchanged, writer.value().commit("target", "new"));
  CHECK(test::list(doomed).empty());
}
