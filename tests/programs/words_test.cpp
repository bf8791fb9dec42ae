// SPDX-License-Identifier: BSL-1.0
// The words of the command line, for people: each is asserted here alone. Other tests assert the
// exit status and the fields of `--json`.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include <perdure/state_tracker.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::command;
using perdure::test::Contains;
using perdure::test::TempDirectory;

namespace {

using Arguments = std::vector<std::string>;

/// A state "s" with three saves, the last with the limit 3.
void make_state(const TempDirectory& at) {
  auto tracker = perdure::StateTracker<json::object>::open(at.file("s")).value();
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(tracker.update([&](json::object& state) { state["limit"] = i; }));
  }
}

void edit_by_hand(const TempDirectory& at) {
  make_state(at);
  std::string text = at.get("s");
  text.replace(text.find("\"limit\": 3"), 10, "\"limit\": 9");
  at.put("s", text);
}

void put_older_copy_back(const TempDirectory& at) {
  make_state(at);
  const std::string old = at.get(".s.2.perdure-prev");
  REQUIRE(command(at, {"state", "set", "s", "/limit", "4"}).status == 0);
  at.put("s", old);
}

void damage(const TempDirectory& at) {
  at.put("s", "{\"limit\": ");
}

void empty(const TempDirectory& at) {
  at.put("s", "");
}

void without_stamp(const TempDirectory& at) {
  at.put("s", "{\"limit\": 1}");
}

void a_target(const TempDirectory& at) {
  at.put("f", "old");
}

void a_root(const TempDirectory& at) {
  std::filesystem::create_directory(at.file("to"));
}

void nothing(const TempDirectory& /*at*/) {}

struct Row {
  const char* name;
  void (*prepare)(const TempDirectory&);
  Arguments arguments;
  int status;
  std::vector<std::string> words;
};

/// Runs each row, and finds its words in standard output for status 0 and else in standard error.
void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const TempDirectory at;
    INFO(row.name);
    row.prepare(at);
    const auto outcome = command(at, row.arguments, "new");
    CHECK(outcome.status == row.status);
    const bool done = row.status == 0;
    CHECK((done ? outcome.err : outcome.out).empty());
    for (const auto& words : row.words) {
      CHECK_THAT(done ? outcome.out : outcome.err, Contains(words));
    }
  }
}

}  // namespace

TEST_CASE("each refusal of a command names what it is about, and says what to do", "[P19]") {
  check({
      {"an unknown command", nothing, {"frob"}, 2, {"'frob' is not a subcommand"}},
      {"an unknown part", nothing, {"state", "frob"}, 2, {"'frob' is not a subcommand"}},
      {"no part", nothing, {"state"}, 2, {"perdure state: name a subcommand"}},
      {"no command", nothing, {}, 2, {"perdure: name a subcommand"}},
      {"no option", nothing, {"write", "--mod", "600", "f"}, 2, {"'--mod'; is it --mode?"}},
      {"one too many", nothing, {"write", "f", "g"}, 2, {"'g' is one argument too many"}},
      {"no value", nothing, {"write", "f", "--mode"}, 2, {"--mode takes a value"}},
      {"two", nothing, {"write", "--mode", "6", "--mode", "7", "f"}, 2, {"--mode is there more"}},
      {"a word", nothing, {"write", "--durability", "x", "f"}, 2, {"'x' is none of none, ordered"}},
      {"no number", nothing, {"write", "--lock-timeout", "nan", "f"}, 2, {"'nan' is not a number"}},
      {"a generation", nothing, {"state", "set", "--expect", "-1", "s", "/a", "1"}, 2, {"'-1' is"}},
      {"no generation",
       make_state,
       {"state", "restore", "s", "x"},
       2,
       {"'x' is not a whole number"}},
      {"a size",
       nothing,
       {"bench", "--size", "1X", "."},
       2,
       {"'1X' is not a size: bytes, or a number with KiB, MiB, GiB, TiB;"}},
      {"a negative size", nothing, {"bench", "--size", "-1", "."}, 2, {"'-1' is not a size"}},
      {"no size", nothing, {"bench", "--size", "16EiB", "."}, 2, {"'16EiB' is not a size"}},
      {"no seconds", nothing, {"bench", "--seconds", "nan", "."}, 2, {"'nan' is not a number"}},
      {"no root",
       nothing,
       {"apply", "", "--put", "a=-"},
       2,
       {"the name of the directory is empty"}},
      {"a target that is to be kept", a_target, {"write", "--keep", "f"}, 4, {"'f'"}},
      {"fast in memory",
       nothing,
       {"write", "--protocol", "fast", "/dev/shm/perdure-words"},
       1,
       {"tmpfs", "the target is unchanged"}},
      {"a name of the library's",
       a_root,
       {"apply", "to", "--remove", ".f.perdure-lock"},
       2,
       {"own file"}},
  });
}

TEST_CASE("each refusal of a state names the file, and says what to do", "[P14][P19]") {
  const std::string accept = "state accept";
  check({
      {"nothing there", make_state, {"state", "get", "s", "/no"}, 1, {"nothing is there", "'s'"}},
      {"no JSON",
       make_state,
       {"state", "set", "s", "/limit", "text"},
       2,
       {"a string is written '\"text\"'"}},
      {"an edit", edit_by_hand, {"state", "verify", "s"}, 1, {"checksum", accept}},
      {"on top of an edit", edit_by_hand, {"state", "set", "s", "/a", "1"}, 1, {accept}},
      {"an empty file", empty, {"state", "verify", "s"}, 1, {"it is empty"}},
      {"accepted damage", damage, {"state", "accept", "s"}, 1, {"not valid JSON"}},
  });
}

TEST_CASE("a state is told in words", "[P14]") {
  const std::string copy = "older copy";
  const std::string advice = "perdure state restore FILE 3";
  check({
      {"intact", make_state, {"state", "verify", "s"}, 0, {"s: intact, generation 3"}},
      {"no stamp", without_stamp, {"state", "verify", "s"}, 0, {"nothing to verify it by"}},
      {"an older copy", put_older_copy_back, {"state", "show", "s"}, 0, {copy, advice}},
      {"verified", put_older_copy_back, {"state", "verify", "s"}, 0, {copy, advice}},
      {"listed", put_older_copy_back, {"state", "history", "s"}, 0, {copy, advice}},
  });
  const TempDirectory at;
  put_older_copy_back(at);
  CHECK_THAT(command(at, {"state", "restore", "s", "3"}).err, Contains(copy));
  at.put("s", "damage");
  const json::object listed = json_of(command(at, {"state", "history", "--json", "s"}));
  CHECK_THAT(std::string(listed.at("current").at("damage").as_string()), Contains("not valid"));
}

TEST_CASE("a writer that a signal ends says that the file is unchanged", "[P1][P19]") {
  const TempDirectory at;
  perdure::test::Pipe pipe;
  perdure::test::Program program(
      perdure::test::in_surroundings({.arguments = {"perdure", "write", "f"},
                                      .input_descriptor = pipe.reader(),
                                      .directory = at.path().native()}));
  pipe.feed(2'000'000);  // more than a pipe holds: the program reads
  program.send(SIGTERM);
  CHECK_THAT(program.wait().err, Contains("f is unchanged"));
}

TEST_CASE("probe names the file system in its reason", "[P3]") {
  const TempDirectory at;
  const json::object probed = json_of(command(at, {"probe", "--json", "/dev/shm"}));
  CHECK_THAT(std::string(probed.at("reason").as_string()), Contains("tmpfs"));
}
