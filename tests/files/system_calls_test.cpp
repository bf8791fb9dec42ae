// SPDX-License-Identifier: BSL-1.0
// System calls of one commit, counted from outside by strace(1). The figures are exact, so that one
// call more shows here before it shows in somebody's latency; docs/architecture.md quotes them.
#include <cstdio>
#include <sys/xattr.h>

#include "support/attributes.hpp"
#include "support/coarse.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "support/trace.hpp"

using namespace perdure;
using test::TempDirectory;

namespace {

long calls_of_run(const TempDirectory& directory, const std::string& variant, int count) {
  auto calls = test::calls_of(
      {PERDURE_COMMITTER, variant, directory.path().native(), std::to_string(count)});
  // glibc 2.41 draws random bytes without a system call where the kernel lets it (vgetrandom).
  calls.erase("getrandom");
  return test::sum_of(calls);
}

/// Whether a commit takes as many calls as the one before. Where the clock that stamps files ticks,
/// a version may take a look at the content, and attributes may be read once more.
bool is_steady(const TempDirectory& directory, const std::string& variant) {
  const bool looks_again = variant == "version" || variant == "expect" ||
                           ::listxattr((directory / "target").c_str(), nullptr, 0) > 0;
  return !looks_again || !test::has_coarse_stamps(directory.path().native());
}

/// Calls of one commit: what 200 commits more cost, so that start and end of the program drop out.
long calls_of_commit(const TempDirectory& directory, const std::string& variant) {
  constexpr int commits = 200;
  (void)calls_of_run(directory, variant, 1);  // makes the lock file, if one is needed
  const long few = calls_of_run(directory, variant, 10);
  const long many = calls_of_run(directory, variant, 10 + commits);
  CAPTURE(variant, few, many);
  if (is_steady(directory, variant)) CHECK((many - few) % commits <= 5);
  return (many - few) / commits;
}

}  // namespace

TEST_CASE("system calls of a durable commit of 4 KiB, by what is asked of it", "[P20][budget]") {
  if (const auto why = test::count_hindrance(); !why.empty()) return test::skip(why);
  struct Row {
    std::string variant;
    long calls;
  };
  const std::vector<Row> table{
      {"preserved", 11},   // the promise is 12 at most
      {"fixed", 9},        // the promise is 9 at most; one of them asks whether the journal lives
      {"ordered", 9},      // no sync of the directory
      {"none", 8},         // no sync at all
      {"version", 12},     // a stat of the new file
      {"coordinate", 17},  // lock: open, stat, flock, stat of its name, another look, close
      {"expect", 19},      // the lock; a look before the publish; the version
      {"keep", 15},        // the lock; no metadata to keep; the program's own unlink is one of them
      {"backup", 15},      // link, and again under a temp name; rename, unlink
      {"verify", 14},      // fadvise, and reads up to the end
      {"stream", 17},  // its directory and a look at that; another look and list at the end; its
                       // temp is its owner's alone, and gets the target's mode last
  };
  const TempDirectory directory;
  test::spit(directory / "target", std::string(4096, 'o'));
  for (const auto& [variant, calls] : table) {
    const long counted = calls_of_commit(directory, variant);
    std::printf("%-12s %ld\n", variant.c_str(), counted);
    CAPTURE(variant);
    CHECK((is_steady(directory, variant) ? counted == calls : counted >= calls));
  }
}

TEST_CASE("system calls that a link, an ACL and an attribute at the target add", "[P20][budget]") {
  if (const auto why = test::count_hindrance(); !why.empty()) return test::skip(why);
  const TempDirectory directory;
  SECTION("a symbolic link in the same directory") {
    test::spit(directory / "real", "old");
    boost::filesystem::create_symlink("real", directory / "target");
    const long counted = calls_of_commit(directory, "preserved");
    std::printf("symlink here %ld\n", counted);
    CHECK(counted == 16);  // the link is opened, so that its owner and its text are of one link
  }
  SECTION("a symbolic link into another directory") {
    const TempDirectory other;
    test::spit(other / "real", "old");
    boost::filesystem::create_symlink(other / "real", directory / "target");
    const long counted = calls_of_commit(directory, "preserved");
    std::printf("symlink away %ld\n", counted);
    CHECK(counted == 19);
  }
  SECTION("a POSIX ACL") {
    test::spit(directory / "target", "old", 0640);
    test::set_attribute(directory / "target", test::access_acl,
                        test::acl_value({{test::AclEntry::owner, 6},
                                         {test::AclEntry::user, 4, 1234},
                                         {test::AclEntry::group_owner, 4},
                                         {test::AclEntry::mask, 4},
                                         {test::AclEntry::others, 0}}));
    const long counted = calls_of_commit(directory, "preserved");
    std::printf("ACL          %ld\n", counted);
    CHECK(counted == 15);
  }
  SECTION("an extended attribute") {
    test::spit(directory / "target", "old");
    test::set_attribute(directory / "target", "user.origin", "x");
    const long counted = calls_of_commit(directory, "preserved");
    std::printf("attribute    %ld\n", counted);
    CHECK(counted == 14);
  }
  SECTION("a mode that the umask does not give") {
    test::spit(directory / "target", "old", 0664);
    const long counted = calls_of_commit(directory, "preserved");
    std::printf("other mode   %ld\n", counted);
    CHECK(counted == 12);
  }
}
