// SPDX-License-Identifier: BSL-1.0
// perdure bench: what it says and what it leaves. Never how long anything took.
#include <csignal>
#include <thread>

#include <boost/json/array.hpp>

#include "bench/rounds.hpp"
#include "program.hpp"
#include "support/catch.hpp"

using perdure::bench::Candidate;
using perdure::bench::run_rounds;
using perdure::bench::spread_of;
using perdure::test::command;
using perdure::test::Program;
using perdure::test::TempDirectory;

TEST_CASE("bench says what a commit costs, in words and as JSON, and leaves nothing there",
          "[P16]") {
  const TempDirectory at;
  const auto text = command(at, {"bench", "--seconds", "0", "."});
  CHECK(text.status == 0);
  CHECK_THAT(text.out, perdure::test::Contains("One durable commit of 4096 bytes takes ") &&
                           perdure::test::Contains("--protocol automatic") &&
                           perdure::test::Contains("The disk alone takes "));
  const auto object =
      json_of(command(at, {"bench", "--seconds", "0", "--size", "1MiB", "--json", "."}));
  CHECK(object.at("bytes").to_number<int>() == 1 << 20);
  CHECK_FALSE(object.at("reason").as_string().empty());
  std::vector<std::string> names;
  for (const auto& way : object.at("ways").as_array()) {
    names.emplace_back(way.at("name").as_string());
    CHECK(way.at("rounds").to_number<int>() == 5);
    CHECK(way.at("quarter_us").to_number<double>() <= way.at("median_us").to_number<double>());
    CHECK(way.at("median_us").to_number<double>() > 0);
  }
  const bool fast = object.at("automatic").as_string() == "fast";
  CHECK(names.size() == (fast ? 5U : 4U));
  CHECK(names.front() == "durable");
  CHECK(names.back() == "disk alone");
  CHECK(at.names().empty());
}

TEST_CASE("bench of a directory that is not there is a failure") {
  const TempDirectory at;
  const auto failed = command(at, {"bench", "--json", "missing"});
  CHECK(failed.status == 1);
  CHECK(json_of(failed).at("kind").as_string() == "system");
}

TEST_CASE("bench that is interrupted ends by the signal, and leaves nothing there", "[P16]") {
  const TempDirectory at;
  Program program(
      perdure::test::in_surroundings({.arguments = {"perdure", "bench", "--seconds", "3600", "."},
                                      .directory = at.path().native()}));
  while (at.names().empty()) std::this_thread::yield();
  program.send(SIGINT);
  const auto outcome = program.wait();
  CHECK(outcome.signal == SIGINT);
  CHECK(outcome.out.empty());
  CHECK(at.names().empty());
}

TEST_CASE("rounds: each candidate takes a turn in each, and one that failed no more") {
  unsigned good = 0;
  unsigned bad = 0;
  std::vector<Candidate> candidates{
      {.name = "good", .turn = [&] { return ++good > 0; }},
      {.name = "bad", .turn = [&] { return ++bad < 3; }},
      {.name = "own", .turn = [] { return true; }, .own_time_s = [] { return 7.0; }},
  };
  run_rounds(candidates, {.rounds_min = 4, .rounds_max = 9, .seconds = 0});
  CHECK(good == 5);  // and a rehearsal
  CHECK(candidates[0].times_s.size() == 4);
  CHECK(bad == 3);
  CHECK(candidates[1].failed);
  CHECK(candidates[1].times_s.size() == 1);
  CHECK(candidates[2].times_s == std::vector<double>(4, 7.0));
}

TEST_CASE("rounds: the spread is the median and the quarters around it") {
  const auto spread = spread_of({5, 1, 4, 2, 3});
  CHECK(spread.quarter == 2);
  CHECK(spread.median == 3);
  CHECK(spread.three_quarters == 4);
  CHECK(spread_of({}).median == 0);
}
