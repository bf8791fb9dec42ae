// SPDX-License-Identifier: BSL-1.0
// Roots: their private directory, their marker, their lock.
#include <sys/stat.h>

#include "tree.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("a second committer waits, or is told") {
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
  SECTION("an outer one that came later keeps out of the inner one") {
    auto outermost = Transaction::begin(root.path());
    REQUIRE_OK(outermost);
    REQUIRE_OK(outermost.value().put("outer/file", "x"));
    REQUIRE_FAILS(invalid_argument, unchanged, outermost.value().commit());
  }
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

TEST_CASE("a private directory that others may enter is refused") {
  const TempDirectory root;
  fs::create_directory(root / ".perdure");
  ::chmod((root / ".perdure").c_str(), 0755);
  REQUIRE_FAILS(invalid_argument, unchanged, Transaction::begin(root.path()));
}

TEST_CASE("a planted private directory or marker leads nowhere") {
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

TEST_CASE("inspect makes nothing") {
  const TempDirectory root;
  const auto report = inspect(root.path());
  REQUIRE_OK(report);
  CHECK_FALSE(report.value().journal);
  CHECK(list(root.path()).empty());
}
