// SPDX-License-Identifier: BSL-1.0
// Root runs the programs over a directory of another user, who exchanges names all the while. The
// programs read, make and remove nothing but what they opened themselves, and nothing hangs them.
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../programs/program.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/rounds.hpp"

namespace fs = boost::filesystem;
using perdure::test::Outcome;
using perdure::test::TempDirectory;

namespace {

constexpr uid_t attacker = 47'111;
constexpr int rounds_max = 300;       // until the attacker has acted once
constexpr int acts_max = 10'000'000;  // so that no attacker outlives a test that was killed

/// A directory of the attacker's, beside one of root's that nobody may touch or read.
struct Scene {
  Scene() {
    fs::permissions(at.path(), fs::perms(0755));
    fs::create_directory(theirs());
    fs::create_directory(ours());
    REQUIRE(::chown(theirs().c_str(), attacker, attacker) == 0);
    REQUIRE(::chmod(theirs().c_str(), 0755) == 0);
    REQUIRE(::chmod(ours().c_str(), 0700) == 0);
    for (const char* name : {"disk", "durable", "none", "ordered"}) {
      perdure::test::spit(ours() / name, "root's", 0600);
    }
  }
  [[nodiscard]] fs::path theirs() const { return at / "theirs"; }
  [[nodiscard]] fs::path ours() const { return at / "ours"; }
  [[nodiscard]] bool is_ours_whole() const {
    const std::vector<std::string> names{"disk", "durable", "none", "ordered"};
    if (perdure::test::list(ours()) != names) return false;
    return std::ranges::all_of(
        names, [&](const auto& name) { return perdure::test::slurp(ours() / name) == "root's"; });
  }

  TempDirectory at{perdure::test::Medium::memory};
};

/// The attacker, who does the same again and again until the test is over.
perdure::test::Child attack(const std::function<void(int)>& act) {
  return perdure::test::Child([&]() -> std::string {
    if (::setgroups(0, nullptr) != 0 || ::setgid(attacker) != 0 || ::setuid(attacker) != 0) {
      return "can't become another user";
    }
    for (int i = 0; i < acts_max; ++i) act(i);
    return "done";
  });
}

/// The first name in a directory that begins so; empty if there is none.
std::string find_name(const fs::path& directory, std::string_view begin) {
  std::string found;
  DIR* const stream = ::opendir(directory.c_str());
  if (stream == nullptr) return found;
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name.starts_with(begin)) found = name;
  }
  ::closedir(stream);
  return found;
}

/// `arguments` with an end: what hangs ends by SIGKILL, which no test expects.
std::vector<std::string> limited(std::vector<std::string> arguments) {
  const std::vector<std::string> limit{"timeout", "-s", "KILL",
                                       std::to_string(perdure::test::within(20))};
  arguments.insert(arguments.begin(), limit.begin(), limit.end());
  return arguments;
}

/// `perdure ARGUMENTS...` as root.
Outcome perdure_as_root(const Scene& scene, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "perdure");
  return perdure::test::run(perdure::test::in_surroundings(
      {.arguments = limited(std::move(arguments)), .directory = scene.at.path().native()}));
}

bool ended_by_itself(const Outcome& outcome) {
  return outcome.signal == 0 && outcome.status != 124 && outcome.status != 137;
}

}  // namespace

// A path led from each call of the measurement to the next. The owner of DIR put a link in the
// place of the directory that root had made, and root's commits went where the link led.
TEST_CASE("the directory that bench made is exchanged, and nothing elsewhere is touched", "[P17]") {
  if (!perdure::test::is_root()) return perdure::test::skip("needs root to be another user");
  const Scene scene;
  const auto take = [&](int act, const std::function<void(const fs::path&)>& plant) {
    const std::string name = find_name(scene.theirs(), ".perdure-bench-");
    if (name.empty()) return;
    const fs::path at = scene.theirs() / name;
    const fs::path aside = scene.theirs() / ("aside." + std::to_string(act));
    if (::rename(at.c_str(), aside.c_str()) == 0) plant(at);
  };
  std::function<void(const fs::path&)> plant;
  SECTION("for a link to a directory of root's") {
    plant = [&](const fs::path& at) { (void)!::symlink(scene.ours().c_str(), at.c_str()); };
  }
  SECTION("for a directory of pipes and links") {
    plant = [&](const fs::path& at) {
      ::mkdir(at.c_str(), 0777);
      ::mkfifo((at / "disk").c_str(), 0666);
      for (const char* name : {"durable", "none", "ordered"}) {
        (void)!::symlink((scene.ours() / name).c_str(), (at / name).c_str());
      }
    };
  }
  const auto neighbour = attack([&](int act) { take(act, plant); });
  const auto acted = [&] { return !find_name(scene.theirs(), "aside.").empty(); };
  for (int round = 0; round < perdure::test::rounds_of(10) || (round < rounds_max && !acted());
       ++round) {
    const Outcome done = perdure_as_root(scene, {"bench", "--seconds", "0", "theirs"});
    INFO(done.said());
    REQUIRE(ended_by_itself(done));
    REQUIRE(scene.is_ours_whole());
  }
  CHECK(acted());
}

namespace {

/// A tree of the attacker's that root publishes, and what is published.
struct Published : Scene {
  Published() {
    fs::create_directory(theirs() / "sub");
    fs::create_directory(site());
    perdure::test::spit(theirs() / "disk", "theirs");
    perdure::test::spit(theirs() / "sub" / "disk", "theirs");
    for (const char* name : {"disk", "sub", "sub/disk"}) {
      REQUIRE(::chown((theirs() / name).c_str(), attacker, attacker) == 0);
    }
  }
  [[nodiscard]] fs::path site() const { return at / "site"; }
  /// Whether nothing of root's was published.
  [[nodiscard]] bool is_clean() const {
    return std::ranges::all_of(std::vector<fs::path>{"disk", "sub/disk"}, [&](const auto& path) {
      return !fs::exists(site() / path) || perdure::test::slurp(site() / path) == "theirs";
    });
  }
};

/// Exchanges a file or directory of the attacker's tree for another and back.
void flip(const fs::path& at, const fs::path& other) {
  (void)::renameat2(AT_FDCWD, at.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
}

}  // namespace

// The tree was listed by paths, and its files were opened by paths, links followed.
TEST_CASE("apply --from of a tree that is exchanged discloses nothing, and waits for nothing",
          "[P17]") {
  if (!perdure::test::is_root()) return perdure::test::skip("needs root to be another user");
  const Published scene;
  const fs::path stage = scene.at / "stage";  // where the attacker keeps the things to exchange
  fs::create_directory(stage);
  REQUIRE(::chown(stage.c_str(), attacker, attacker) == 0);
  fs::path taken = scene.theirs() / "sub" / "disk";
  SECTION("a file for a link") {
    fs::create_symlink(scene.ours() / "disk", stage / "other");
  }
  SECTION("a directory for a link") {
    taken = scene.theirs() / "sub";
    fs::create_symlink(scene.ours(), stage / "other");
  }
  SECTION("a file for a pipe") {
    REQUIRE(::mkfifo((stage / "other").c_str(), 0666) == 0);
  }
  const auto neighbour = attack([&](int) { flip(taken, stage / "other"); });
  int refused = 0;
  for (int round = 0; round < perdure::test::rounds_of(20) || (round < rounds_max && refused == 0);
       ++round) {
    const Outcome done = perdure_as_root(scene, {"apply", "site", "--from", "theirs", "-q"});
    INFO(done.said());
    REQUIRE(ended_by_itself(done));
    REQUIRE((done.status == 0 || done.status == 1));
    REQUIRE(scene.is_clean());
    refused += done.status;
  }
  CHECK(refused > 0);
}

// The open waited for the lease for 45 seconds, and for the writer of a pipe forever, while it held
// the root's lock.
TEST_CASE("apply opens nothing that waits while it holds the root", "[P17]") {
  if (!perdure::test::is_root()) return perdure::test::skip("needs root to be another user");
  const Published scene;
  SECTION("a lease in the tree") {
    const perdure::test::Child holder([&]() -> std::string {
      std::signal(SIGIO, SIG_IGN);
      const int fd = ::open((scene.theirs() / "disk").c_str(), O_RDWR | O_CLOEXEC);
      if (fd < 0 || ::fcntl(fd, F_SETLEASE, F_WRLCK) != 0) return "no lease";
      perdure::test::spit(scene.at / "held", "");
      while (true) ::pause();
    });
    while (!fs::exists(scene.at / "held")) ::sched_yield();
    const Outcome done = perdure_as_root(scene, {"apply", "site", "--from", "theirs"});
    CHECK(done.status == 1);
    CHECK_THAT(done.err, perdure::test::Contains("holds a lease on it"));
  }
  SECTION("another user's pipe as a source") {
    REQUIRE(::mkfifo((scene.theirs() / "pipe").c_str(), 0666) == 0);
    REQUIRE(::chown((scene.theirs() / "pipe").c_str(), attacker, attacker) == 0);
    const Outcome done = perdure_as_root(scene, {"apply", "site", "--put", "x=theirs/pipe"});
    CHECK(done.status == 1);
    CHECK_THAT(done.err, perdure::test::Contains("it is another user's pipe"));
  }
  SECTION("one's own pipe: the root is free until it has a writer") {
    REQUIRE(::mkfifo((scene.at / "pipe").c_str(), 0600) == 0);
    const std::string script =
        "perdure apply site --put x=pipe -q & A=$!; perdure apply site --put y=ours/disk -q || "
        "exit 9; echo late > pipe; wait $A";
    const Outcome done = perdure::test::run(perdure::test::in_surroundings(
        {.arguments = limited({"bash", "-c", script}), .directory = scene.at.path().native()}));
    CHECK(done.status == 0);
    CHECK(perdure::test::slurp(scene.site() / "x") == "late\n");
  }
  CHECK(scene.is_clean());
  CHECK(perdure_as_root(scene, {"apply", "site", "--put", "z=ours/disk"}).status == 0);
}
