// SPDX-License-Identifier: BSL-1.0
// Roots: their private directory, their marker, their lock.
#include <sys/stat.h>

#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("a second committer waits, or is told", "[P8]") {
  const TempDirectory root;
  auto first = Transaction::begin(root.path());
  REQUIRE_OK(first);
  TransactionOptions impatient;
  impatient.lock_timeout_ms = std::chrono::milliseconds(0);
  REQUIRE_FAILS(lock_timeout, unchanged, Transaction::begin(root.path(), impatient));
}

TEST_CASE("roots within roots are refused") {
  const TempDirectory root;
  fs::create_directories(root / "outer/inner/deep");
  REQUIRE_OK(Transaction::begin(root / "outer"));
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root / "outer/inner"));
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root / "outer/inner/deep"));
}

// A root that is made above another can't see it. Its transactions looked at the last directory on
// the way alone: `sub/deep/f` had two locks when `sub` was a root.
TEST_CASE("a root above another keeps out of it, however deep a path leads") {
  const TempDirectory root;
  fs::create_directories(root / "sub/deep/er");
  for (const char* file : {"f", "sub/f", "sub/deep/f", "sub/deep/er/f"}) spit(root / file, "old");
  REQUIRE_OK(Transaction::begin(root / "sub"));
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
