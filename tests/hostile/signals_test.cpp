// SPDX-License-Identifier: BSL-1.0
// A signal at every system call that has to do with files, one run for each: what is killed leaves
// the old or the new, and what may end in order leaves no temp.
#include <csignal>

#include "programs/program.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

using perdure::test::command;
using perdure::test::TempDirectory;
using perdure::test::traced;

namespace {

const std::string old_content = "old";
const std::string new_content(3000, 'n');

/// The calls by which files are looked at and changed. strace counts each by itself.
const std::vector<std::string> calls{
    "openat",     "openat2",   "statx",     "read",      "pread64",    "pwrite64", "write",
    "fsync",      "renameat",  "renameat2", "linkat",    "unlinkat",   "mkdirat",  "close",
    "flistxattr", "fsetxattr", "fchmod",    "fallocate", "getdents64", "flock",    "fcntl"};

/// Runs the program with this signal at each of these calls in turn; `look` prepares each run, and
/// checks what it left.
template <class Look>
void strike(const TempDirectory& at, const std::string& signal,
            const std::vector<std::string>& arguments, Look look) {
  // A program that is asked to end may go on to its end, so that its status does not tell.
  const bool kills = signal == "KILL";
  const int calls_max = kills ? 200 : 12;
  for (const std::string& call : calls) {
    for (int n = 1; n < calls_max; ++n) {
      CAPTURE(call, n);
      look.prepare();
      const auto outcome =
          traced(at,
                 {"-f", "-e", "trace=" + call, "-e",
                  "inject=" + call + ":signal=" + signal + ":when=" + std::to_string(n)},
                 arguments, new_content);
      const bool struck = outcome.signal != 0 || outcome.status != 0;
      look.check();
      if (kills && !struck) break;
    }
  }
}

}  // namespace

TEST_CASE("a write that is killed at each system call leaves the old or the new", "[P1]") {
  const TempDirectory at;
  if (!perdure::test::strace_works()) return;
  struct Look {
    const TempDirectory& at;
    int& were_new;
    int& were_old;
    void prepare() const { at.put("f", old_content); }
    void check() const {
      const bool is_new = at.holds("f", new_content);
      REQUIRE((is_new || at.holds("f", old_content)));
      ++(is_new ? were_new : were_old);
      REQUIRE(command(at, {"clean", "."}).status == 0);
      REQUIRE(at.names() == std::vector<std::string>{"f"});
    }
  };
  int were_new = 0;
  int were_old = 0;
  strike(at, "KILL", {"write", "f"}, Look{at, were_new, were_old});
  CHECK(were_new > static_cast<int>(calls.size()));  // one of each is the run that was not struck
  CHECK(were_old > 10);
}

TEST_CASE("a write that is asked to end at each system call leaves no temp", "[P1][P16]") {
  const TempDirectory at;
  if (!perdure::test::strace_works()) return;
  struct Look {
    const TempDirectory& at;
    void prepare() const { at.put("f", old_content); }
    void check() const {
      REQUIRE((at.holds("f", new_content) || at.holds("f", old_content)));
      REQUIRE(at.names() == std::vector<std::string>{"f"});
    }
  };
  strike(at, "TERM", {"write", "f"}, Look{at});
}

TEST_CASE("an apply that is killed at each system call is all there or not, once recovered",
          "[P11]") {
  const TempDirectory at;
  if (!perdure::test::strace_works()) return;
  struct Look {
    const TempDirectory& at;
    int& were_new;
    int& were_old;
    void prepare() const {
      at.put("a", old_content);
      at.put("b", old_content);
    }
    void check() const {
      REQUIRE(command(at, {"recover", "."}).status == 0);
      const bool is_new = at.holds("a", new_content);
      REQUIRE(at.holds("b", is_new ? new_content : old_content));
      REQUIRE((is_new || at.holds("a", old_content)));
      ++(is_new ? were_new : were_old);
    }
  };
  at.put("new", new_content);
  int were_new = 0;
  int were_old = 0;
  strike(at, "KILL", {"apply", ".", "--put", "a=new", "--put", "b=new"},
         Look{at, were_new, were_old});
  CHECK(were_new > static_cast<int>(calls.size()));
  CHECK(were_old > 10);
}
