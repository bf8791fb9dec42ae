// SPDX-License-Identifier: BSL-1.0
// Owner, mode and attributes among other users, in confinement, and in user name spaces.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>

#include "support/attributes.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/rounds.hpp"

using namespace perdure;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

constexpr uid_t service = 4321;  // a user that no machine has

/// From now on listxattrat and getxattrat do not exist for this process, as before Linux 6.13.
bool hide_attribute_calls() {
  constexpr std::uint32_t first = 464;  // getxattrat; listxattrat comes behind it
  std::array<sock_filter, 5> code{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first + 1, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `work` in a child that sees `root` as "/", has no /proc, and no calls for attributes of
/// names; as `user`. Returns what it says.
std::string confined(const fs::path& root, uid_t user, const std::function<std::string()>& work) {
  test::Child child([&]() -> std::string {
    if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0) return "no chroot";
    if (user != 0 && (::setgroups(0, nullptr) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0)) {
      return "can't become the user";
    }
    if (!hide_attribute_calls()) return "no filter";
    return work();
  });
  return child.said();
}

/// Runs `work` in a child as the root of a user name space of its own, which has the users and
/// groups from `base` on as 0 to 65535, and no others. Returns what it says.
std::string as_root_of_own(uid_t base, const std::function<std::string()>& work) {
  test::Child child([&]() -> std::string {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return "no pipe";
    const pid_t inside = ::getpid();
    const std::string map = "0 " + std::to_string(base) + " 65536\n";
    const pid_t outside = ::fork();  // who is in the name space may not write such maps
    if (outside == 0) {
      char byte = 0;
      ::close(ready[1]);  // so that the other's end, which may come first, is the end of the wait
      if (::read(ready[0], &byte, 1) != 1) ::_exit(1);
      for (const char* const file : {"uid_map", "gid_map"}) {
        const std::string path = "/proc/" + std::to_string(inside) + "/" + file;
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        if (::write(fd, map.data(), map.size()) < 0) ::_exit(1);
        ::close(fd);
      }
      ::_exit(0);
    }
    int status = 0;
    if (::setgroups(0, nullptr) != 0 || ::unshare(CLONE_NEWUSER) != 0) return "no name space";
    if (::write(ready[1], "x", 1) != 1 || ::waitpid(outside, &status, 0) != outside ||
        status != 0) {
      return "no maps";
    }
    if (::setgid(0) != 0 || ::setuid(0) != 0) return "can't become its root";
    return work();
  });
  return child.said();
}

/// Opens every temp in `directory` that this process may open, until there is a file "stop", and
/// then says how many of them hold `secret`.
std::string read_temps(const fs::path& directory, const std::string& secret) {
  std::vector<int> opened;
  while (!fs::exists(directory / "stop")) {
    for (const auto& name : test::temps_in(directory)) {
      if (opened.size() > 500) break;
      const int fd = ::open((directory / name).c_str(), O_RDONLY | O_CLOEXEC);
      if (fd >= 0) opened.push_back(fd);
    }
  }
  int seen = 0;
  for (const int fd : opened) {
    std::string content(secret.size(), '\0');
    if (::pread(fd, content.data(), content.size(), 0) > 0 && content == secret) ++seen;
  }
  return "saw " + std::to_string(seen);
}

/// Why that can't be tried here; empty if it can.
std::string confinement_hindrance() {
  if (!test::is_root()) return "needs root for a chroot";
  const TempDirectory directory;
  const auto said = confined(directory.path(), 0, [] { return std::string("done"); });
  return said == "done" ? "" : said + " to be had here";
}

}  // namespace

// Everything was dropped here, with success: the target was taken for one that is gone.
TEST_CASE("without /proc and the calls of new kernels, metadata are kept all the same", "[P6]") {
  if (const auto why = confinement_hindrance(); !why.empty()) return test::skip(why);
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const auto target = directory / "target";
  test::spit(target, "old");
  REQUIRE(::chown(target.c_str(), service, 5678) == 0);
  test::set_attribute(target, test::access_acl,
                      test::acl_value({{test::AclEntry::owner, 6},
                                       {test::AclEntry::user, 4, 99},
                                       {test::AclEntry::group_owner, 0},
                                       {test::AclEntry::mask, 4},
                                       {test::AclEntry::others, 0}}));
  test::set_attribute(target, "user.origin", "x");
  const auto acl = test::attribute(target, test::access_acl);
  WriteOptions options;
  bool streamed = false;
  SECTION("of a file that is written at once") {}
  SECTION("of a streamed file") {
    streamed = true;
  }
  SECTION("and a backup, too") {
    options.existing = ExistingPolicy::backup;
  }
  const auto said = confined(directory.path(), 0, [&] {
    if (!streamed) return test::say(write_file("/target", "new", options));
    auto file = AtomicFile::create("/target", options);
    if (!file) return test::say(file);
    return test::say(file.value().commit());
  });
  CHECK(said == "success");
  CHECK(test::slurp(target) == (streamed ? "" : "new"));
  CHECK(test::status_of(target).st_uid == service);
  CHECK(test::status_of(target).st_gid == 5678);
  CHECK(test::mode_of(target) == 0640);
  CHECK(test::attribute(target, test::access_acl) == acl);
  CHECK(test::attribute(target, "user.origin") == "x");
  CHECK(fs::exists(directory / "target~") == (options.existing == ExistingPolicy::backup));
}

TEST_CASE("without /proc a target that this user can't read is left as it is", "[P6][P19]") {
  if (const auto why = confinement_hindrance(); !why.empty()) return test::skip(why);
  const TempDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), service, service) == 0);
  test::spit(directory / "target", "old", 0200);
  REQUIRE(::chown(directory.file("target").c_str(), service, service) == 0);
  const auto said = confined(directory.path(), service,
                             [] { return test::nature_of(write_file("/target", "new")); });
  CHECK(said == "system, unchanged, read the target's metadata");
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::mode_of(directory / "target") == 0200);
}

TEST_CASE("without /proc a state keeps its previous generation, or is not saved", "[P13]") {
  if (const auto why = confinement_hindrance(); !why.empty()) return test::skip(why);
  const TempDirectory directory;
  const auto save = [](int value) {
    auto tracker = StateTracker<int>::open("/state.json");
    if (!tracker) return test::say(tracker);
    return test::say(tracker.value().update([&](int& state) { state = value; }));
  };
  CHECK(confined(directory.path(), 0, [&] { return save(1); }) == "success");
  REQUIRE(::chmod(directory.file("state.json").c_str(), 0600) == 0);
  CHECK(confined(directory.path(), 0, [&] { return save(2); }) == "success");
  CHECK(test::mode_of(directory / "state.json") == 0600);
  CHECK(directory.names_with(".perdure-prev").size() == 1);
}

// With two files that exchange their names, mode and owner came from the one, and the ACL that went
// with them from the other, or from neither: a group that the ACL had shut out was let in.
TEST_CASE("the metadata kept are of one file, beside one who exchanges it for another", "[P6]") {
  const TempDirectory directory;
  const auto target = directory / "target";
  const auto spare = directory / "spare";
  const auto make = [&](const fs::path& path, bool has_acl) {
    fs::remove(path);
    test::spit(path, "old", has_acl ? 0640 : 0600);
    test::set_attribute(path, "user.kind", has_acl ? "acl" : "plain");
    if (!has_acl) return;
    test::set_attribute(path, test::access_acl,
                        test::acl_value({{test::AclEntry::owner, 6},
                                         {test::AclEntry::user, 4, 99},
                                         {test::AclEntry::group_owner, 0},
                                         {test::AclEntry::mask, 4},
                                         {test::AclEntry::others, 0}}));
  };
  make(target, true);
  make(spare, false);
  const std::string acl = test::attribute(target, test::access_acl);
  const test::Child exchanger([&]() -> std::string {
    for (;;) {
      (void)::renameat2(AT_FDCWD, target.c_str(), AT_FDCWD, spare.c_str(), RENAME_EXCHANGE);
    }
  });
  const int rounds = test::rounds_of(200);
  int kept = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto done = write_file(target, "new", {.durability = Durability::none});
    exchanger.stop();
    const auto& path = test::slurp(target) == "new" ? target : spare;
    if (done) {
      ++kept;
      REQUIRE(test::slurp(path) == "new");
      const std::string kind = test::attribute(path, "user.kind");
      CAPTURE(round, kind);
      REQUIRE((kind == "acl" || kind == "plain"));
      REQUIRE(test::mode_of(path) == (kind == "acl" ? 0640U : 0600U));
      REQUIRE(test::attribute(path, test::access_acl) == (kind == "acl" ? acl : "(none)"));
    } else {
      REQUIRE_FAILS(metadata, unchanged, done);
    }
    make(target, true);
    make(spare, false);
    exchanger.resume();
  }
  CHECK(kept > 0);
}

// The temp had the rights that the target had when the stream began: somebody who opened it then
// read what came after the target was shut to him.
TEST_CASE("a neighbour reads nothing of a stream whose target is shut to him in the meantime",
          "[P6][P17]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const TempDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const std::string secret = "for the owner alone";
  test::Child neighbour([&]() -> std::string {
    if (::setgroups(0, nullptr) != 0 || ::setgid(service) != 0 || ::setuid(service) != 0) {
      return "can't become the user";
    }
    return read_temps(directory.path(), secret);
  });
  const int rounds = test::rounds_of(40);
  for (int round = 0; round < rounds; ++round) {
    test::spit(directory / "target", "for all", 0644);
    auto file = AtomicFile::create(directory / "target", {.durability = Durability::none});
    REQUIRE_OK(file);
    REQUIRE(::chmod(directory.file("target").c_str(), 0600) == 0);
    ::sched_yield();
    REQUIRE_OK(file.value().write(as_bytes(secret)));
    REQUIRE_OK(file.value().commit());
    CHECK(test::mode_of(directory / "target") == 0600);
  }
  test::spit(directory / "stop", "");
  CHECK(neighbour.said() == "saw 0");
}

// The file went to the name space's own nobody, who could read it then.
TEST_CASE("an owner whom the user name space does not know can't be kept, and the commit says so",
          "[P6][P17]") {
  constexpr uid_t base = 300000;
  if (!test::is_root()) return test::skip("needs root for maps of users");
  const auto tried = as_root_of_own(base, [] { return std::string("done"); });
  if (tried != "done") return test::skip(tried + " to be had here");
  const TempDirectory directory;
  const auto target = directory / "target";
  REQUIRE(::chown(directory.path().c_str(), base, base) == 0);
  test::spit(target, "old", 0600);
  const bool owner_known = GENERATE(false, true);
  const bool group_known = GENERATE(false, true);
  CAPTURE(owner_known, group_known);
  const uid_t owner = owner_known ? base + 7 : 1234;
  const gid_t group = group_known ? base + 8 : 5678;
  REQUIRE(::chown(target.c_str(), owner, group) == 0);
  WriteOptions options;
  const bool streamed = GENERATE(false, true);
  const auto write = [&]() -> std::string {
    if (!streamed) return test::nature_of(write_file(target, "new", options));
    auto file = AtomicFile::create(target, options);
    if (!file) return test::nature_of(file);
    return test::nature_of(file.value().commit());
  };
  const auto said = as_root_of_own(base, write);
  CHECK(test::status_of(target).st_uid == owner);
  CHECK(test::status_of(target).st_gid == group);
  if (owner_known && group_known) {
    CHECK(said == "success");
    return;
  }
  CHECK(said == "metadata, unchanged, apply the metadata");
  CHECK(test::slurp(target) == "old");
  CHECK(test::temps_in(directory.path()).empty());
  options.metadata.owner = 0;
  options.metadata.group = 0;
  CHECK(as_root_of_own(base, write) == "success");
  CHECK(test::status_of(target).st_uid == base);
}
