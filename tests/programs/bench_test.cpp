// SPDX-License-Identifier: BSL-1.0
// perdure bench: what it says and what it leaves. Never how long anything took.
#include <csignal>
#include <thread>

#include <boost/json/array.hpp>

#include "bench/rounds.hpp"
#include "program.hpp"
#include "support/catch.hpp"
#include "support/mount.hpp"

using perdure::bench::Candidate;
using perdure::bench::run_rounds;
using perdure::bench::spread_of;
using perdure::test::command;
using perdure::test::Program;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;

namespace {

Names names_in(const boost::json::value& ways) {
  Names names;
  for (const auto& way : ways.as_array()) names.emplace_back(way.at("name").as_string());
  return names;
}

}  // namespace

TEST_CASE("bench says what a commit costs, in words and as JSON, and leaves nothing there",
          "[P16]") {
  const TempDirectory at;
  const auto text = command(at, {"bench", "--seconds", "0", "."});
  CHECK(text.status == 0);
  CHECK_THAT(text.out, perdure::test::Contains("One durable commit of 4096 bytes takes ") &&
                           perdure::test::Contains("--protocol automatic") &&
                           perdure::test::Contains("64 files of 4096 bytes, by ") &&
                           perdure::test::Contains("The disk alone takes "));
  const auto object =
      json_of(command(at, {"bench", "--seconds", "0", "--size", "1MiB", "--json", "."}));
  CHECK(object.at("bytes").to_number<int>() == 1 << 20);
  CHECK_FALSE(object.at("reason").as_string().empty());
  CHECK(object.at("bytes_of_many").to_number<int>() == 4096);
  for (const auto& way : object.at("ways").as_array()) {
    CHECK(way.at("rounds").to_number<int>() == 5);
    CHECK(way.at("quarter_us").to_number<double>() <= way.at("median_us").to_number<double>());
    CHECK(way.at("median_us").to_number<double>() > 0);
  }
  Names expected{"durable"};
  if (object.at("automatic").as_string() == "fast") expected.emplace_back("durable, fast");
  for (const char* name : {"ordered", "none", "8 threads", "transaction"}) {
    expected.emplace_back(name);
  }
  const auto probed = json_of(command(at, {"probe", "--json", "."}));
  const bool logged = probed.at("log").at("supported").as_bool();
  if (logged) {
    for (const char* name : {"log", "log, settling", "8 threads, log", "transaction, log"}) {
      expected.emplace_back(name);
    }
  }
  expected.emplace_back("disk alone");
  CHECK(names_in(object.at("ways")) == expected);
  CHECK(names_in(object.at("left_out")) == (logged ? Names{} : Names{"log"}));
  if (logged) {
    CHECK_THAT(text.out,
               perdure::test::Contains("settling included, which comes behind about 512"));
    CHECK(object.at("log").at("commits_per_settling").to_number<int>() == 3);
    CHECK(object.at("log").at("settled_us").to_number<double>() > 0);
  }
  CHECK(at.names().empty());
}

TEST_CASE("bench leaves the log out where it takes no such content, and says so") {
  const TempDirectory at;
  const auto measured = command(at, {"bench", "--seconds", "0", "--size", "1048577", "."});
  CHECK(measured.status == 0);
  CHECK_THAT(measured.out, perdure::test::Contains("Left out: log: "));
  CHECK_THAT(measured.out, !perdure::test::Contains("settling included"));
  CHECK(at.names().empty());
}

TEST_CASE("bench of a directory where no log can be kept measures the rest, and says why") {
  if (!perdure::test::can_mount()) return perdure::test::skip("this user may not mount");
  const TempDirectory at;
  const perdure::test::Mount mount({"-t", "ramfs", "ramfs", at.path().native()});
  if (!mount.error().empty()) return perdure::test::skip(mount.error());
  const auto measured = json_of(command(at, {"bench", "--seconds", "0", "--json", "."}));
  CHECK(measured.at("log").is_null());
  REQUIRE(names_in(measured.at("left_out")) == Names{"log"});
  const auto probed = json_of(command(at, {"probe", "--json", "."}));
  CHECK(measured.at("left_out").at(0).at("reason") == probed.at("log").at("reason"));
  CHECK_FALSE(probed.at("log").at("supported").as_bool());
  CHECK(names_in(measured.at("ways")).back() == "disk alone");
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
