// SPDX-License-Identifier: BSL-1.0
// A signal at every system call that has to do with files, one run for each: what is killed leaves
// the old or the new, and what may end in order leaves no temp.
#include <csignal>

#include "../cli/program.hpp"
#include "support/catch.hpp"

using perdure::test::command;
using perdure::test::TempDirectory;
using perdure::test::traced;

namespace {

const std::string old_content = "old";
const std::string new_content(3000, 'n');

/// The program with this signal at its n-th call of that set. False when it made fewer calls.
bool struck(const TempDirectory& at, const std::string& signal, int n,
            const std::vector<std::string>& arguments) {
  const auto outcome =
      traced(at,
             {"-f", "-e", "trace=%file,%desc", "-e",
              "inject=%file,%desc:signal=" + signal + ":when=" + std::to_string(n)},
             arguments, new_content);
  return outcome.signal != 0 || outcome.status != 0 ||
         outcome.err.find("--- SIG" + signal) != std::string::npos;
}

constexpr int calls_max = 2000;

}  // namespace

TEST_CASE("a write that is killed at each system call leaves the old or the new") {
  const TempDirectory at;
  if (!perdure::test::strace_works(at)) return;
  at.put("f", old_content);
  int were_new = 0;
  int were_old = 0;
  for (int n = 1; n < calls_max; ++n) {
    CAPTURE(n);
    at.put("f", old_content);
    const bool killed = struck(at, "KILL", n, {"write", "f"});
    const bool is_new = at.holds("f", new_content);
    REQUIRE((is_new || at.holds("f", old_content)));
    if (!killed) break;
    ++(is_new ? were_new : were_old);
    REQUIRE(command(at, {"clean", "."}).status == 0);
    REQUIRE(at.names() == std::vector<std::string>{"f"});
  }
  CHECK(were_new > 0);
  CHECK(were_old > 0);
}

TEST_CASE("a write that is asked to end at each system call leaves no temp") {
  const TempDirectory at;
  if (!perdure::test::strace_works(at)) return;
  at.put("f", old_content);
  for (int n = 1; n < calls_max; ++n) {
    CAPTURE(n);
    at.put("f", old_content);
    const bool ended = struck(at, "TERM", n, {"write", "f"});
    REQUIRE((at.holds("f", new_content) || at.holds("f", old_content)));
    REQUIRE(at.names() == std::vector<std::string>{"f"});
    if (!ended) break;
  }
}

TEST_CASE(
    "an apply that is killed at each system call is all there or not at all, once recovered") {
  const TempDirectory at;
  if (!perdure::test::strace_works(at)) return;
  at.put("new", new_content);
  int were_new = 0;
  int were_old = 0;
  for (int n = 1; n < calls_max; ++n) {
    CAPTURE(n);
    at.put("a", old_content);
    at.put("b", old_content);
    const bool killed = struck(at, "KILL", n, {"apply", ".", "--put", "a=new", "--put", "b=new"});
    REQUIRE(command(at, {"recover", "."}).status == 0);
    const bool is_new = at.holds("a", new_content);
    REQUIRE(at.holds("b", is_new ? new_content : old_content));
    REQUIRE((is_new || at.holds("a", old_content)));
    if (!killed) break;
    ++(is_new ? were_new : were_old);
  }
  CHECK(were_new > 0);
  CHECK(were_old > 0);
}
