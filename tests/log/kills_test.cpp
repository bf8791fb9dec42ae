// SPDX-License-Identifier: BSL-1.0
// A holder of a root is killed at any moment: what it acknowledged is there, and nothing by half.
#include <csignal>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

#include <perdure/root.hpp>

#include "../transaction/tree.hpp"
#include "support/rounds.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

RootOptions small_log() {
  RootOptions options;
  options.segment_size = 16 << 10;  // four commits
  return options;
}

/// Commits two files with one number after the other, and says each number when it is committed.
[[noreturn]] void commit_for_ever(const fs::path& directory, int first, int acknowledged) {
  auto root = Root::open(directory, small_log());
  if (!root) ::_exit(3);
  for (int number = first;; ++number) {
    auto both = root.value().begin();
    if (!both || !both.value().put("a", std::to_string(number)) ||
        !both.value().put("b", std::to_string(number)) || !both.value().commit()) {
      ::_exit(3);
    }
    if (::write(acknowledged, &number, sizeof number) != sizeof number) ::_exit(3);
  }
}

}  // namespace

TEST_CASE("200 kills lose nothing that a root acknowledged", "[P1][P3]") {
  const TempDirectory directory("/dev/shm");
  int committed = 0;
  for (int round = 0; round < rounds_of(200); ++round) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) commit_for_ever(directory.path(), committed + 1, ends[1]);
    ::close(ends[1]);
    int number = 0;
    for (int i = 0; i <= round % 7; ++i) {
      REQUIRE(::read(ends[0], &number, sizeof number) == sizeof number);
    }
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    while (::read(ends[0], &number, sizeof number) == sizeof number) continue;
    ::close(ends[0]);
    auto root = Root::open(directory.path(), small_log());
    REQUIRE_OK(root);
    const std::string a = slurp(directory / "a");
    CHECK(a == slurp(directory / "b"));
    committed = std::atoi(a.c_str());
    CHECK(committed >= number);
    REQUIRE_OK(root.value().close());
  }
}
