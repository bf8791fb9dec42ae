// SPDX-License-Identifier: BSL-1.0
// Roots: their private directory, their marker, their lock.
#include <future>
#include <sys/stat.h>
#include <unistd.h>

#include <perdure/clean.hpp>
#include <perdure/probe.hpp>
#include <perdure/root.hpp>
#include <perdure/root_copy.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

TEST_CASE("a second committer waits, or is told", "[P8]") {
  const TempDirectory root;
  auto first = Transaction::begin(root.path());
  REQUIRE_OK(first);
  TransactionOptions impatient;
  impatient.lock_timeout_ms = std::chrono::milliseconds(0);
  REQUIRE_FAILS(lock_timeout, unchanged, Transaction::begin(root.path(), impatient));
}

// `perdure apply "$SITE" --from new --delete` without a SITE made the working directory what `new`
// is.
TEST_CASE("an empty name stands for no directory", "[P19]") {
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(""));
  REQUIRE_FAILS(invalid_argument, unchanged, Root::open(""));
  REQUIRE_FAILS(invalid_argument, unchanged, recover(""));
  REQUIRE_FAILS(invalid_argument, unchanged, inspect(""));
  REQUIRE_FAILS(invalid_argument, unchanged, abandon(""));
  REQUIRE_FAILS(invalid_argument, unchanged, clean(""));
  REQUIRE_FAILS(invalid_argument, unchanged, probe(""));
  const TempDirectory at;
  REQUIRE_FAILS(invalid_argument, unchanged, copy_root("", at / "copy"));
}

TEST_CASE("roots within roots are refused") {
  const TempDirectory root;
  fs::create_directories(root / "outer/inner/deep");
  make_root(root / "outer");
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root / "outer/inner"));
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root / "outer/inner/deep"));
}

// A root that is made above another can't see it. Its transactions looked at the last directory on
// the way alone: `sub/deep/f` had two locks when `sub` was a root.
TEST_CASE("a root above another keeps out of it, however deep a path leads") {
  const TempDirectory root;
  fs::create_directories(root / "sub/deep/er");
  for (const char* file : {"f", "sub/f", "sub/deep/f", "sub/deep/er/f"}) spit(root / file, "old");
  make_root(root / "sub");
  const Tree before = tree_of(root.path());
  const auto refuses = [&](const std::string& what, auto stage) {
    INFO(what);
    auto begun = Transaction::begin(root.path());
    REQUIRE_OK(begun);
    REQUIRE_OK(stage(begun.value()));
    const auto refused = begun.value().commit();
    REQUIRE_FAILS(invalid_argument, unchanged, refused);
    CHECK(tree_of(root.path()) == before);
    CHECK(private_of(root.path()).empty());
  };
  for (const std::string in : {"sub", "sub/deep", "sub/deep/er"}) {
    INFO(in);
    refuses("put", [&](Transaction& t) { return t.put(in + "/f", "x"); });
    refuses("put a new file", [&](Transaction& t) { return t.put(in + "/new", "x"); });
    refuses("remove", [&](Transaction& t) { return t.remove(in + "/f"); });
    refuses("move out", [&](Transaction& t) { return t.move(in + "/f", "out"); });
    refuses("move in", [&](Transaction& t) { return t.move("f", in + "/in"); });
    refuses("make a directory", [&](Transaction& t) { return t.make_directory(in + "/d"); });
    refuses("put into a directory that is made", [&](Transaction& t) -> Result<void> {
      BOOST_OUTCOME_TRY(t.make_directory(in + "/d"));
      return t.put(in + "/d/f", "x");
    });
  }
  REQUIRE_OK(Sample::run((Sample::prepare(root / "sub"), root / "sub")));  // the inner one works
}

TEST_CASE("the private directory may be outside the tree, and everyone must agree on it") {
  const TempDirectory place;
  fs::create_directory(place / "tree");
  TransactionOptions options;
  options.private_directory = (place / "private").native();
  REQUIRE_OK(Sample::run((Sample::prepare(place / "tree"), place / "tree"), options));
  CHECK(list(place / "tree") == std::vector<std::string>{".perdure-root", "a", "n", "sub", "top"});
  CHECK(mode_of(place / "private") == 0700);
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(place / "tree"));
}

TEST_CASE("a private directory that others may enter is refused", "[P17]") {
  const TempDirectory root;
  fs::create_directory(root / ".perdure");
  ::chmod((root / ".perdure").c_str(), 0755);
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root.path()));
}

TEST_CASE("a planted private directory or marker leads nowhere", "[P17]") {
  const TempDirectory root;
  const TempDirectory elsewhere;
  SECTION("a link in the place of the private directory") {
    fs::create_symlink(elsewhere.path(), root / ".perdure");
    CHECK_FALSE(Transaction::begin(root.path()));
  }
  SECTION("a marker that is none") {
    spit(root / ".perdure-root", "perdure root 1\n../../etc\n");
    REQUIRE_FAILS(corrupt, unchanged, Transaction::begin(root.path()));
  }
  CHECK(list(elsewhere.path()).empty());
}

TEST_CASE("inspect makes nothing", "[P12]") {
  const TempDirectory root;
  const auto report = inspect(root.path());
  REQUIRE_OK(report);
  CHECK_FALSE(report.value().journal);
  CHECK(list(root.path()).empty());
}

// Each made the root first, and then looked at what it was given.
TEST_CASE("a transaction that is refused, or given up, leaves no root behind", "[P11]") {
  const TempDirectory root;
  spit(root / "a", "old");
  const std::vector<std::string> before{"a"};
  SECTION("it was begun alone") {
    REQUIRE_OK(Transaction::begin(root.path()));
  }
  SECTION("it commits nothing") {
    REQUIRE_OK(Transaction::begin(root.path()).value().commit());
  }
  SECTION("a path is refused as it is staged") {
    REQUIRE_FAILS(invalid_argument, unchanged,
                  Transaction::begin(root.path()).value().put("../a", "x"));
  }
  SECTION("an expectation does not hold") {
    auto begun = Transaction::begin(root.path());
    REQUIRE_OK(begun.value().expect("a", Version::absent()));
    REQUIRE_OK(begun.value().put("a", "x"));
    REQUIRE_FAILS(conflict, unchanged, begun.value().commit());
  }
  SECTION("recovery finds nothing") {
    REQUIRE_OK(recover(root.path()));
  }
  SECTION("nor does one who gives it up") {
    REQUIRE_OK(abandon(root.path()));
  }
  std::vector<std::string> names = list(root.path());
  std::erase(names, ".a.perdure-lock");  // of an expectation; a lock file stays
  CHECK(names == before);
  REQUIRE_OK(Transaction::begin(root.path()).value().put("a", "x"));
}

TEST_CASE("a root whose first commit fails at any call can be committed to", "[P11]") {
  for (std::uint64_t n = 1;; ++n) {
    CAPTURE(n);
    const TempDirectory root;
    Sample::prepare(root.path());
    FaultyFileSystem failing(native_file_system());
    failing.fail({.operation = {}, .call = n, .error = EIO, .from_then_on = false, .count = {}});
    const bool done = Sample::run(root.path(), through(failing)).has_value();
    if (done && failing.fired() == 0) break;
    const bool marked = fs::exists(root / ".perdure-root");
    if (marked) CHECK(fs::exists(root / ".perdure"));
    REQUIRE_OK(recover(root.path()));
    REQUIRE_OK(Sample::run((Sample::prepare(root.path()), root.path())));
  }
}

TEST_CASE("a committer who waits for one that is refused makes the root itself", "[P8]") {
  const TempDirectory root;
  auto first = Transaction::begin(root.path());
  REQUIRE_OK(first);
  std::promise<void> waits;
  class Waiting final : public ForwardingFileSystem {
   public:
    explicit Waiting(std::promise<void>& told)
        : ForwardingFileSystem(native_file_system()), waits_(told) {}
    SysResult<void> try_lock(Handle file, LockMode mode) override {
      auto taken = ForwardingFileSystem::try_lock(file, mode);
      if (!taken && !std::exchange(told_, true)) waits_.set_value();
      return taken;
    }

   private:
    std::promise<void>& waits_;
    bool told_ = false;
  };
  auto second = std::async(std::launch::async, [&]() -> Result<TransactionReceipt> {
    Waiting files(waits);
    BOOST_OUTCOME_TRY(auto begun, Transaction::begin(root.path(), through(files)));
    BOOST_OUTCOME_TRY(begun.put("a", "new"));
    return begun.commit();
  });
  waits.get_future().wait();
  { const auto dropped = std::move(first.value()); }
  REQUIRE_OK(second.get());
  CHECK(slurp(root / "a") == "new");
  CHECK(fs::exists(root / ".perdure-root"));
}

// git keeps no empty directories, and rsync may leave it out: no command could repair such a root.
TEST_CASE("a root whose private directory is gone is recovered, and by nothing else", "[P12]") {
  const TempDirectory root;
  Sample::prepare(root.path());
  make_root(root.path());
  fs::remove_all(root / ".perdure");
  SECTION("its owner") {
    const auto refused = Transaction::begin(root.path());
    REQUIRE_FAILS(system, unchanged, refused);
    CHECK_THAT(refused.error().message(), Contains("recover the root"));
    CHECK_FALSE(fs::exists(root / ".perdure"));
  }
  SECTION("root, for the owner of the marker") {
    if (::geteuid() != 0) return skip("needs root, to recover somebody else's root");
    REQUIRE(::chown((root / ".perdure-root").c_str(), 12345, 54321) == 0);
  }
  const auto report = recover(root.path());
  REQUIRE_OK(report);
  CHECK(report.value().restored);
  CHECK(mode_of(root / ".perdure") == 0700);
  struct stat marker {};
  struct stat made {};
  REQUIRE(::stat((root / ".perdure-root").c_str(), &marker) == 0);
  REQUIRE(::stat((root / ".perdure").c_str(), &made) == 0);
  CHECK(made.st_uid == marker.st_uid);
  CHECK(made.st_gid == marker.st_gid);
  if (made.st_uid != ::geteuid()) return;
  CHECK_FALSE(recover(root.path()).value().restored);
  REQUIRE_OK(Sample::run(root.path()));
}

TEST_CASE("another user's root gets no private directory of ours", "[P17]") {
  if (::geteuid() != 0) return skip("needs root, to have a root of somebody else's");
  const TempDirectory root;
  make_root(root.path());
  fs::remove_all(root / ".perdure");
  REQUIRE(::chown((root / ".perdure-root").c_str(), 12345, 54321) == 0);
  class OfAnother final : public ForwardingFileSystem {
   public:
    OfAnother() : ForwardingFileSystem(native_file_system()) {}
    std::uint32_t user() override { return 23456; }
  };
  OfAnother files;
  const auto refused = recover(root.path(), through(files));
  REQUIRE_FAILS(invalid_argument, unchanged, refused);
  CHECK_THAT(refused.error().message(), Contains("belongs to user 12345"));
  CHECK_FALSE(fs::exists(root / ".perdure"));
}
