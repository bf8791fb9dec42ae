// SPDX-License-Identifier: BSL-1.0
// Several processes at one target.
#include <algorithm>
#include <memory>
#include <thread>

#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::bash;
using perdure::test::Outcome;
using perdure::test::Pipe;
using perdure::test::Program;
using perdure::test::TempDirectory;

TEST_CASE("two processes that count by --expect lose no update", "[P5]") {
  const TempDirectory at;
  at.put("count", "0\n");
  // The version is taken before the content: a change in between makes the commit fail.
  const std::string counter =
      "for i in {1..40}; do while :; do v=$(perdure version-of count) && n=$(<count) || exit 9; "
      "echo $((n + 1)) | perdure write -q --expect \"$v\" count 2>/dev/null; s=$?; "
      "[[ $s == 0 ]] && break; [[ $s == 4 ]] || exit $s; echo refused; done; done";
  Outcome one;
  std::thread other([&] { one = bash(at, counter); });
  const Outcome two = bash(at, counter);
  other.join();
  CHECK(one.status == 0);
  CHECK(two.status == 0);
  CHECK(at.get("count") == "80\n");
  CHECK(at.names() == std::vector<std::string>{"count"});
}

TEST_CASE("of many processes that --keep one file exactly one wins", "[P5]") {
  constexpr std::size_t writers = 8;
  for (int round = 0; round < 10; ++round) {
    const TempDirectory at;
    // All have made their temps and wait for the end of one pipe: they publish at the same time.
    std::vector<std::unique_ptr<Pipe>> pipes;
    std::vector<std::unique_ptr<Program>> programs;
    for (std::size_t i = 0; i < writers; ++i) {
      pipes.push_back(std::make_unique<Pipe>());
      programs.push_back(std::make_unique<Program>(
          perdure::test::in_surroundings({.arguments = {"perdure", "write", "-q", "--keep", "f"},
                                          .input_descriptor = pipes.back()->reader(),
                                          .directory = at.path().native()})));
      pipes.back()->feed(100'000 * (i + 1));
    }
    for (auto& pipe : pipes) pipe->close_writer();
    std::vector<int> statuses;
    std::size_t winner = writers;
    for (std::size_t i = 0; i < writers; ++i) {
      statuses.push_back(programs[i]->wait().status);
      if (statuses.back() == 0) winner = i;
    }
    CHECK(std::count(statuses.begin(), statuses.end(), 0) == 1);
    CHECK(std::count(statuses.begin(), statuses.end(), 4) == writers - 1);
    REQUIRE(winner < writers);
    CHECK(at.get("f").size() == 100'000 * (winner + 1));
    CHECK(at.names() == std::vector<std::string>{"f"});
  }
}
