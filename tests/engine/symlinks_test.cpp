// SPDX-License-Identifier: BSL-1.0
// Symbolic links at the target: followed, replaced, refused, and planted by others.
#include <perdure/perdure.hpp>

#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

WriteOptions with(SymlinkPolicy policy) {
  WriteOptions options;
  options.symlink = policy;
  return options;
}

/// A directory "real" with a target in it, and a directory "links".
struct Two {
  Two() {
    fs::create_directory(directory / "real");
    fs::create_directory(directory / "links");
    test::spit(target(), "old");
  }
  [[nodiscard]] fs::path target() const { return directory / "real" / "target"; }
  [[nodiscard]] fs::path link(const std::string& name) const { return directory / "links" / name; }
  /// Commits through the link, and all that changes is the file that it points at.
  void follow(const std::string& name) const {
    const fs::path text = fs::read_symlink(link(name));
    REQUIRE_OK(write_file(link(name), "new"));
    CHECK(test::slurp(target()) == "new");
    CHECK(fs::read_symlink(link(name)) == text);
    CHECK(test::list(directory / "real") == std::vector<std::string>{"target"});
    CHECK(test::temps_in(directory / "links").empty());
    CHECK(as_text(read_file(link(name)).value().bytes) == "new");
  }
  TempDirectory directory;
};

}  // namespace

TEST_CASE("a relative link is followed from where it lies, not from where we are", "[P7]") {
  const Two two;
  fs::create_symlink("../real/target", two.link("a"));
  two.follow("a");
}

TEST_CASE("an absolute link is followed", "[P7]") {
  const Two two;
  fs::create_symlink(two.target(), two.link("a"));
  two.follow("a");
}

TEST_CASE("a chain of links through directories is followed to its end", "[P7]") {
  const Two two;
  fs::create_symlink("../real/target", two.link("c"));
  fs::create_symlink(two.link("c"), two.link("b"));
  fs::create_symlink("b", two.link("a"));
  two.follow("a");
}

TEST_CASE("a link whose path goes through a linked directory is followed", "[P7]") {
  const Two two;
  fs::create_directory_symlink(two.directory / "real", two.directory / "alias");
  fs::create_symlink("../alias/target", two.link("a"));
  two.follow("a");
}

TEST_CASE("a bound writer follows a link anew at each commit", "[P7]") {
  const Two two;
  test::spit(two.directory / "real" / "other", "old");
  fs::create_symlink("../real/target", two.link("a"));
  const auto writer = AtomicWriter::bind(two.directory / "links");
  REQUIRE_OK(writer);
  REQUIRE_OK(writer.value().commit("a", "first"));
  fs::remove(two.link("a"));
  fs::create_symlink("../real/other", two.link("a"));
  REQUIRE_OK(writer.value().commit("a", "second"));
  CHECK(test::slurp(two.target()) == "first");
  CHECK(test::slurp(two.directory / "real" / "other") == "second");
}

TEST_CASE("links that lead in a circle end with ELOOP", "[P7]") {
  const Two two;
  fs::create_symlink("b", two.link("a"));
  fs::create_symlink("a", two.link("b"));
  fs::create_symlink("self", two.link("self"));
  for (const char* name : {"a", "self"}) {
    const auto failed = write_file(two.link(name), "new");
    REQUIRE_FAILS(system, unchanged, failed);
    CHECK(failed.error().cause == std::errc::too_many_symbolic_link_levels);
  }
}

TEST_CASE("forty links are followed, as the kernel does, and no more", "[P7]") {
  const TempDirectory directory;
  test::spit(directory / "0", "old");
  for (int i = 1; i <= 41; ++i)
    fs::create_symlink(std::to_string(i - 1), directory / std::to_string(i));
  REQUIRE_OK(write_file(directory / "40", "new"));
  CHECK(test::slurp(directory / "0") == "new");
  REQUIRE_FAILS(system, unchanged, write_file(directory / "41", "newer"));
  CHECK_THROWS(test::slurp(directory / "41"));  // nor does the kernel
}

TEST_CASE("a link to a directory is refused as a target", "[P7]") {
  const Two two;
  fs::create_symlink("../real", two.link("a"));
  fs::create_symlink("../real/", two.link("b"));
  fs::create_symlink("..", two.link("c"));
  fs::create_symlink("/", two.link("d"));
  for (const char* name : {"a", "b", "c", "d"}) {
    CAPTURE(name);
    REQUIRE_FAILS(not_regular, unchanged, write_file(two.link(name), "new"));
    CHECK(fs::is_symlink(two.link(name)));
  }
}

TEST_CASE("a dangling link is refused, and makes nothing where it points", "[P7]") {
  const Two two;
  fs::create_symlink("../real/none", two.link("a"));
  fs::create_symlink("../none/none", two.link("b"));
  fs::create_symlink("a", two.link("c"));
  REQUIRE_FAILS(symlink_refused, unchanged, write_file(two.link("a"), "new"));
  REQUIRE_FALSE(write_file(two.link("b"), "new").has_value());
  REQUIRE_FAILS(symlink_refused, unchanged, write_file(two.link("c"), "new"));
  CHECK(test::list(two.directory / "real") == std::vector<std::string>{"target"});
}

TEST_CASE("replace puts the file where the link was, and spares what it pointed at", "[P7]") {
  const Two two;
  fs::create_symlink("../real/target", two.link("a"));
  fs::create_symlink("nowhere", two.link("b"));
  for (const char* name : {"a", "b"}) {
    REQUIRE_OK(write_file(two.link(name), "new", with(SymlinkPolicy::replace)));
    CHECK_FALSE(fs::is_symlink(two.link(name)));
    CHECK(test::slurp(two.link(name)) == "new");
  }
  CHECK(test::slurp(two.target()) == "old");
}

TEST_CASE("refuse refuses every link, and takes a file", "[P7]") {
  const Two two;
  fs::create_symlink("../real/target", two.link("a"));
  fs::create_symlink("nowhere", two.link("b"));
  for (const char* name : {"a", "b"}) {
    REQUIRE_FAILS(symlink_refused, unchanged,
                  write_file(two.link(name), "new", with(SymlinkPolicy::refuse)));
  }
  CHECK(test::slurp(two.target()) == "old");
  REQUIRE_OK(write_file(two.target(), "new", with(SymlinkPolicy::refuse)));
}

TEST_CASE("a link that another user planted in a directory like /tmp is not followed",
          "[P7][P17]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const Two two;
  fs::permissions(two.directory.path(), fs::perms(0755));
  REQUIRE(::chmod((two.directory / "links").c_str(), 01777) == 0);
  CHECK(test::as_user(test::nobody, [&]() -> std::string {
          fs::create_symlink("../real/target", two.link("planted"));
          return "done";
        }) == "done");
  const auto failed = write_file(two.link("planted"), "new");
  REQUIRE_FAILS(symlink_refused, unchanged, failed);
  CHECK(failed.error().step == "use the target");
  REQUIRE_FALSE(read_file(two.link("planted")).has_value());
  auto streamed = AtomicFile::create(two.link("planted"));
  REQUIRE_FALSE(streamed.has_value());
  CHECK(test::slurp(two.target()) == "old");

  SECTION("nor one behind a link of our own") {
    fs::create_symlink("planted", two.link("ours"));
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(two.link("ours"), "new"));
  }
  SECTION("one's own is") {
    fs::create_symlink("../real/target", two.link("ours"));
    two.follow("ours");
  }
  SECTION("nor outside such a directory, nor the one of the directory's owner") {
    REQUIRE(::chmod((two.directory / "links").c_str(), 0777) == 0);
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(two.link("planted"), "new"));
    REQUIRE(::chown((two.directory / "links").c_str(), test::nobody, test::nobody) == 0);
    REQUIRE_FAILS(symlink_refused, unchanged, write_file(two.link("planted"), "new"));
  }
  SECTION("it is where the file and its directory are his") {
    for (const auto& his : {two.target(), two.target().parent_path()}) {
      REQUIRE(::chown(his.c_str(), test::nobody, test::nobody) == 0);
    }
    two.follow("planted");
  }
}

TEST_CASE("the lock is that of the file that a link points at", "[P7]") {
  const Two two;
  fs::create_symlink("../real/target", two.link("a"));
  WriteOptions options;
  options.coordinate = true;
  REQUIRE_OK(write_file(two.link("a"), "new", options));
  CHECK(fs::exists(two.directory / "real" / ".target.perdure-lock"));
  CHECK_FALSE(fs::exists(two.link(".a.perdure-lock")));
}
