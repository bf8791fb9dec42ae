// SPDX-License-Identifier: BSL-1.0
// perdure state: looks without a trace, and saves beside everybody else.
#include <algorithm>
#include <filesystem>
#include <map>
#include <sys/stat.h>

#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/state_tracker.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::bash;
using perdure::test::command;
using perdure::test::Contains;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;
using Tracker = perdure::StateTracker<json::object>;

namespace {

/// Three saves, the last with the limit 3.
void make_state(const TempDirectory& at) {
  auto tracker = Tracker::open(at.file("s")).value();
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(tracker.update([&](json::object& state) {
      state["limit"] = i;
      state["jobs"] = {{{"name", "a/b"}, {"done", false}}};
    }));
  }
}

/// Every name and content, lock files too: what a command that only looks must not change.
std::map<std::string, std::string> everything(const TempDirectory& at) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(at.path().native())) {
    const std::string name = entry.path().filename().string();
    all[name] = at.get(name);
  }
  return all;
}

void edit(const TempDirectory& at, const std::string& from, const std::string& to) {
  std::string text = at.get("s");
  REQUIRE(text.find(from) != text.npos);
  at.put("s", text.replace(text.find(from), from.size(), to));
}

}  // namespace

TEST_CASE("state show prints the state and what it is, and state get one value") {
  const TempDirectory at;
  make_state(at);
  const auto shown = command(at, {"state", "show", "s"});
  CHECK(shown.status == 0);
  CHECK_THAT(shown.out, Catch::Matchers::StartsWith("s: generation 3, 20") &&
                            Contains("\n  \"limit\": 3,") && !Contains("checksum"));
  const json::object object = json_of(command(at, {"state", "show", "--json", "s"}));
  CHECK(object.at("generation").as_int64() == 3);
  CHECK(object.at("stamped").as_bool());
  CHECK(object.at("state").at("limit").as_int64() == 3);
  CHECK(object.at("bytes").as_int64() == static_cast<std::int64_t>(at.get("s").size()));

  CHECK(command(at, {"state", "get", "s", "/limit"}).out == "3\n");
  CHECK(command(at, {"state", "get", "s", "/jobs/0/name"}).out == "\"a/b\"\n");
  CHECK(command(at, {"state", "get", "s", "/jobs/0"}).out == "{\"name\":\"a/b\",\"done\":false}\n");
  CHECK(json_of(command(at, {"state", "get", "--json", "s", "/limit"})).at("value") == 3);
  CHECK_THAT(command(at, {"state", "get", "s", ""}).out,
             Catch::Matchers::StartsWith("{\"limit\":3"));
  const auto missing = command(at, {"state", "get", "--json", "s", "/nothing"});
  CHECK(missing.status == 1);
  CHECK(nature_of(missing) == "invalid_argument, unchanged, follow a JSON Pointer");
  CHECK(command(at, {"state", "get", "s", "limit"}).status == 2);
  CHECK(command(at, {"state", "get", "s", "/a~2"}).status == 2);
  CHECK(command(at, {"state", "show", "missing"}).status == 1);
}

TEST_CASE("state show does not let a state command the terminal", "[P17]") {
  const TempDirectory at;
  at.put("s",
         "{\"a\": \"\x7f\xc2\x9b"
         "31m\"}");
  const auto shown = command(at, {"state", "show", "s"});
  CHECK_THAT(shown.out, Contains("\"\\u007f\\u009b31m\""));
  CHECK_THAT(command(at, {"state", "get", "s", "/a"}).out, Contains("\\u009b"));
}

TEST_CASE("state verify is status 1 with the reason when damaged, whatever was edited", "[P14]") {
  const TempDirectory at;
  make_state(at);
  CHECK(command(at, {"state", "verify", "s"}).status == 0);
  edit(at, "\"limit\": 3", "\"limit\": 4");
  const auto edited = command(at, {"state", "verify", "--json", "s"});
  CHECK(edited.status == 1);
  CHECK(nature_of(edited) == "corrupt, unchanged, check the state");
  at.put("s", at.get("s").substr(0, 20));
  CHECK(command(at, {"state", "verify", "s"}).status == 1);
  at.put("s", "");
  CHECK(nature_of(command(at, {"state", "verify", "--json", "s"})) ==
        "corrupt, unchanged, read the JSON text");
  at.put("s", "{\"limit\": 1}");
  const auto plain = command(at, {"state", "verify", "--json", "s"});
  CHECK(plain.status == 0);
  CHECK_FALSE(json_of(plain).at("stamped").as_bool());
  CHECK(command(at, {"state", "verify", "missing"}).status == 1);
}

TEST_CASE("show, get, verify and history change nothing, not even beside a damaged state") {
  const TempDirectory at;
  at.put("plain", "[1, 2]");
  make_state(at);
  std::filesystem::remove(at.file(".s.perdure-lock"));
  const auto look = [&] {
    const auto before = everything(at);
    for (const std::string file : {"s", "plain", "missing"}) {
      for (const std::string part : {"show", "verify", "history"}) {
        (void)command(at, {"state", part, file});
        (void)command(at, {"state", part, "--json", file});
      }
      (void)command(at, {"state", "get", file, ""});
    }
    CHECK(everything(at) == before);
  };
  look();
  at.put("s", "damage");
  look();
  std::filesystem::remove(at.file("s"));
  look();
  CHECK(command(at, {"state", "get", "plain", "/1"}).out == "2\n");
}

TEST_CASE("commands that look at a state say how old it is while a log has a newer one") {
  const TempDirectory at;
  make_state(at);
  perdure::LogStoreOptions options;
  options.root.publish = perdure::Publish::later;
  auto store = perdure::open_log_store(at.file("s"), options);
  REQUIRE(store);
  {
    auto tracker = Tracker::open(std::move(store.value()));
    REQUIRE(tracker);
    CHECK(command(at, {"state", "get", "s", "/limit"}).err.empty());
    REQUIRE(tracker.value().update([](json::object& state) { state["limit"] = 4; }));
    for (const std::string look : {"get", "show", "verify", "history"}) {
      std::vector<std::string> words{"state", look, "s"};
      if (look == "get") words.emplace_back("/limit");
      const auto looked = command(at, words);
      INFO(look);
      CHECK(looked.status == 0);
      CHECK_THAT(looked.err, Contains(" s old: a root has a newer content of it"));
      if (look == "get") CHECK(looked.out == "3\n");
    }
  }
  const auto closed = command(at, {"state", "get", "s", "/limit"});
  CHECK(closed.err.empty());
  CHECK(closed.out == "4\n");
}

TEST_CASE("state set changes one value, makes what is missing, and keeps the rest") {
  const TempDirectory at;
  make_state(at);
  const auto set = command(at, {"state", "set", "s", "/limit", "18446744073709551615"});
  CHECK(set.status == 0);
  CHECK(set.out == "s: committed generation 4\n");
  CHECK(command(at, {"state", "set", "-q", "s", "/owner/name", "\"Ada\""}).out.empty());
  CHECK(command(at, {"state", "set", "s", "/jobs/-", "{\"name\": \"c\"}"}).status == 0);
  CHECK(command(at, {"state", "set", "s", "/negative", "-5"}).status == 0);
  const auto object = json_of(command(at, {"state", "set", "--json", "s", "/x", "null"}));
  CHECK(object.at("generation").as_int64() == 8);
  CHECK(object.at("fate").as_string() == "done");
  const auto tracker = Tracker::open(at.file("s")).value();
  const json::object& state = *tracker.state();
  CHECK(state.at("limit").as_uint64() == 18446744073709551615U);
  CHECK(state.at("owner").at("name").as_string() == "Ada");
  CHECK(state.at("jobs").as_array().size() == 2);
  CHECK(state.at("negative").as_int64() == -5);
  CHECK(tracker.report().origin == perdure::Origin::current);
}

TEST_CASE("state set, accept and restore keep the spelling of what nobody named") {
  const TempDirectory at;
  // No double holds the first; the others are not what a program would write.
  const std::string odd =
      "{\n"
      "    \"pi\": 3.14159265358979323846, \"\\u0061\": [-0,  1e400, 0.10E+1],\n"
      "    \"large\": 123456789012345678901234567890,\n"
      "    \"limit\": {\"now\": 1, \"most\": 2.50}\n"
      "}\n";
  const std::string kept = odd.substr(1, odd.size() - 4);
  at.put("s", odd);
  REQUIRE(command(at, {"state", "accept", "s"}).status == 0);
  CHECK_THAT(at.get("s"), Contains(kept));
  REQUIRE(command(at, {"state", "set", "s", "/limit/now", "2.7182818284590452354"}).status == 0);
  std::string changed = kept;
  changed.replace(changed.find(": 1,"), 3, ": 2.7182818284590452354");
  CHECK_THAT(at.get("s"), Contains(changed));
  REQUIRE(command(at, {"state", "set", "s", "/new", "{\"e\":[1.10]}"}).status == 0);
  CHECK_THAT(at.get("s"), Contains(changed + ",\n"
                                             "    \"new\": {\n"
                                             "        \"e\": [\n"
                                             "            1.10\n"
                                             "        ]\n"
                                             "    },\n"));
  CHECK(command(at, {"state", "verify", "s"}).status == 0);
  CHECK(command(at, {"state", "get", "s", "/pi"}).out == "3.14159265358979323846\n");
  CHECK(command(at, {"state", "get", "s", "/a"}).out == "[-0,1e400,0.10E+1]\n");
  CHECK_THAT(command(at, {"state", "get", "--json", "s", "/large"}).out,
             Contains("{\"value\":123456789012345678901234567890}"));
  CHECK_THAT(command(at, {"state", "show", "s"}).out, Contains("  \"pi\": 3.14159265358979323846"));
  CHECK_THAT(command(at, {"state", "show", "--json", "s"}).out, Contains("[-0,1e400,0.10E+1]"));
  const auto history = json_of(command(at, {"state", "history", "--json", "s"}));
  const auto earlier = std::to_string(history.at("previous").at(0).at("generation").as_int64());
  REQUIRE(command(at, {"state", "restore", "s", earlier}).status == 0);
  CHECK_THAT(at.get("s"), Contains(changed + ",\n    \"checksum\""));
}

TEST_CASE("state set keeps no previous generation where it is told so") {
  const TempDirectory at;
  for (const char* value : {"1", "2", "3"}) {
    REQUIRE(command(at, {"state", "set", "s", "/a", value, "--no-previous"}).status == 0);
  }
  CHECK(at.names() == Names{"s"});
  CHECK(command(at, {"state", "get", "s", "/a"}).out == "3\n");
}

TEST_CASE("state set makes a missing file, and refuses what it can't do without touching it") {
  const TempDirectory at;
  CHECK(command(at, {"state", "set", "new", "/a/b", "1"}).status == 0);
  CHECK(command(at, {"state", "get", "new", "/a/b"}).out == "1\n");
  CHECK(command(at, {"state", "verify", "new"}).status == 0);
  make_state(at);
  const auto before = everything(at);
  const auto no_json = command(at, {"state", "set", "--json", "s", "/limit", "text"});
  CHECK(no_json.status == 2);
  CHECK(nature_of(no_json) == "invalid_argument, unchanged, read the value");
  CHECK(command(at, {"state", "set", "s", "/limit/0", "1"}).status == 2);
  CHECK(command(at, {"state", "set", "s", "/jobs/7", "1"}).status == 2);
  CHECK(command(at, {"state", "set", "s", "", "1"}).status == 2);
  CHECK(command(at, {"state", "set", "s", "/generation", "1"}).status == 1);
  CHECK(command(at, {"state", "set", "missing/s", "/a", "1"}).status == 1);
  // The fuzzer found that a new state that can't be left its lock file.
  CHECK(command(at, {"state", "set", "fresh", "", "1"}).status == 2);
  CHECK(command(at, {"state", "set", "fresh", "limit", "1"}).status == 2);
  CHECK(everything(at) == before);
  edit(at, "\"limit\": 3", "\"limit\": 9");
  const std::string edited = at.get("s");
  const auto damaged = command(at, {"state", "set", "--json", "s", "/limit", "1"});
  CHECK(damaged.status == 1);
  CHECK(nature_of(damaged) == "corrupt, unchanged, check the state");
  CHECK(at.get("s") == edited);
}

TEST_CASE("state set beside other sets loses nothing") {
  const TempDirectory at;
  const auto done = bash(at,
                         "for i in 1 2 3 4; do (for n in 1 2 3 4 5; do perdure state set -q s "
                         "/from$i/n$n 1 || exit 1; done) & done; "
                         "for job in $(jobs -p); do wait $job || exit 1; done");
  INFO(done.err);
  REQUIRE(done.status == 0);
  const auto tracker = Tracker::open(at.file("s")).value();
  CHECK(tracker.generation() == 20);
  CHECK(tracker.state()->size() == 4);
  for (const auto& entry : *tracker.state()) CHECK(entry.value().as_object().size() == 5);
}

TEST_CASE("state set beside a running tracker: both see what the other saved") {
  const TempDirectory at;
  auto tracker = Tracker::open(at.file("s")).value();
  REQUIRE(tracker.update([](json::object& state) { state["own"] = 1; }));
  REQUIRE(command(at, {"state", "set", "s", "/other", "2"}).status == 0);
  REQUIRE(tracker.update([](json::object& state) { state["own"] = 3; }));
  CHECK(json::serialize(*tracker.state()) == R"({"own":3,"other":2})");
  auto owner = Tracker::open(at.file("x"), {.lock = perdure::TrackerLock::exclusive}).value();
  REQUIRE(owner.update([](json::object& state) { state["own"] = 1; }));
  CHECK(command(at, {"state", "get", "x", "/own"}).out == "1\n");
}

TEST_CASE("state set keeps the manner of the owner: one line, schema version, previous ones") {
  const TempDirectory at;
  using perdure::Json;
  {
    auto tracker =
        perdure::StateTracker<json::object>::open(at.file("s"), {.previous_max = 3},
                                                  Json<json::object>{.indent = 0, .limits = {}}, {},
                                                  perdure::Migrations<Json<json::object>>(7))
            .value();
    for (int i = 0; i < 5; ++i) {
      REQUIRE(tracker.update([&](json::object& state) { state["n"] = i; }));
    }
  }
  REQUIRE(command(at, {"state", "set", "s", "/n", "9"}).status == 0);
  const std::string text = at.get("s");
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK_THAT(text, Contains("\"schema_version\":7"));
  CHECK(
      json_of(command(at, {"state", "history", "--json", "s"})).at("previous").as_array().size() ==
      3);
}

TEST_CASE("state accept takes an edit by hand, with stamp or without, and keeps the previous one") {
  const TempDirectory at;
  make_state(at);
  edit(at, "\"limit\": 3", "\"limit\": 70");
  const auto accepted = command(at, {"state", "accept", "s"});
  CHECK(accepted.status == 0);
  CHECK(command(at, {"state", "verify", "s"}).status == 0);
  CHECK(command(at, {"state", "get", "s", "/limit"}).out == "70\n");
  CHECK(at.names() == Names{".s.2.perdure-prev", "s"});
  const auto tracker = Tracker::open(at.file("s")).value();
  CHECK(tracker.generation() > 3);
  CHECK(tracker.report().origin == perdure::Origin::current);

  at.put("s", "{\"limit\": 80}");
  CHECK(command(at, {"state", "accept", "s"}).status == 0);
  CHECK(json_of(command(at, {"state", "verify", "--json", "s"})).at("stamped").as_bool());
  at.put("s", "{\"limit\": ");
  const auto broken = command(at, {"state", "accept", "--json", "s"});
  CHECK(broken.status == 1);
  CHECK(nature_of(broken) == "corrupt, unchanged, read the JSON text");
  CHECK(at.get("s") == "{\"limit\": ");
  CHECK(command(at, {"state", "accept", "missing"}).status == 1);
  CHECK_FALSE(std::filesystem::exists(at.file("missing")));
}

TEST_CASE("a running tracker goes on from an edit that was accepted") {
  const TempDirectory at;
  auto tracker = Tracker::open(at.file("s")).value();
  REQUIRE(tracker.update([](json::object& state) { state["limit"] = 1; }));
  edit(at, "\"limit\": 1", "\"limit\": 5");
  const auto more = [](json::object& state) {
    state["limit"] = state["limit"].to_number<int>() + 1;
  };
  REQUIRE_FALSE(tracker.update(more));
  REQUIRE(command(at, {"state", "accept", "s"}).status == 0);
  REQUIRE(tracker.update(more));
  CHECK(tracker.state()->at("limit") == 6);
}

TEST_CASE("an older copy put back is told by every look at it, and restore brings the newer one") {
  const TempDirectory at;
  make_state(at);
  const std::string newest = at.get("s");
  const std::string old = at.get(".s.2.perdure-prev");
  REQUIRE(command(at, {"state", "set", "s", "/limit", "4"}).status == 0);
  at.put("s", old);
  for (const char* part : {"show", "verify", "history"}) {
    const auto said = command(at, {"state", part, "--json", "s"});
    CHECK(said.status == 0);
    json::object told = json_of(said);
    if (part == std::string_view("history")) told = told.at("current").as_object();
    CHECK(told.contains("replaced"));
  }
  CHECK(command(at, {"state", "restore", "s", "3"}).status == 0);
  CHECK(command(at, {"state", "get", "s", "/limit"}).out == "3\n");
  CHECK_FALSE(json_of(command(at, {"state", "show", "--json", "s"})).contains("replaced"));
  const Names names = at.names();
  CHECK(std::ranges::any_of(names, [&](const std::string& name) {
    return name.starts_with("s.damaged-3.") && at.get(name) == newest;
  }));
}

// 010 was taken for eight, and 08 for no number.
TEST_CASE("generations with zeros in front are decimal") {
  const TempDirectory at;
  for (int i = 0; i < 8; ++i) REQUIRE(command(at, {"state", "set", "s", "/a", "1"}).status == 0);
  CHECK(command(at, {"state", "set", "--expect", "010", "s", "/a", "2"}).status == 4);
  CHECK(command(at, {"state", "set", "--expect", "08", "s", "/a", "2"}).status == 0);
  CHECK(command(at, {"state", "restore", "s", "010"}).status == 1);
  CHECK(command(at, {"state", "restore", "s", "008"}).out == "s: committed generation 10\n");
}

TEST_CASE("state history lists what there is, and restore brings it back under a new number") {
  const TempDirectory at;
  make_state(at);
  const auto listed = command(at, {"state", "history", "s"});
  CHECK(listed.status == 0);
  CHECK_THAT(listed.out, Catch::Matchers::StartsWith("current        3  20") &&
                             Contains("\nprevious       2  20"));
  CHECK(command(at, {"state", "restore", "s", "9"}).status == 1);
  CHECK(command(at, {"state", "restore", "s", "two"}).status == 2);
  CHECK(command(at, {"state", "restore", "s", "2"}).out == "s: committed generation 4\n");
  CHECK(command(at, {"state", "get", "s", "/limit"}).out == "2\n");

  at.put("s", "damage");
  const auto damaged = json_of(command(at, {"state", "history", "--json", "s"}));
  CHECK(damaged.at("current").as_object().contains("damage"));
  REQUIRE(damaged.at("previous").as_array().size() == 1);
  CHECK(damaged.at("previous").at(0).at("generation").as_int64() == 3);
  const auto restored = command(at, {"state", "restore", "--json", "s", "3"});
  CHECK(restored.status == 0);
  const std::string aside(json_of(restored).at("set_aside").as_string());
  CHECK(at.get(aside) == "damage");
  CHECK(command(at, {"state", "get", "s", "/limit"}).out == "3\n");
  CHECK_THAT(command(at, {"state", "history", "s"}).out, Contains("\ndamaged   " + aside));
  CHECK(command(at, {"state", "history", "missing"}).status == 1);
}

TEST_CASE("a state in an envelope can be shown, verified, listed and restored, not looked into") {
  const TempDirectory at;
  {
    using Enveloped = perdure::StateTracker<perdure::Buffer, perdure::Envelope<perdure::RawBytes>>;
    auto tracker = Enveloped::open(at.file("s")).value();
    for (std::size_t i = 1; i < 3; ++i) {
      REQUIRE(tracker.update([&](perdure::Buffer& bytes) { bytes.resize(i); }));
    }
  }
  const std::string size = std::to_string(at.get("s").size());
  CHECK_THAT(command(at, {"state", "show", "s"}).out,
             Contains("generation 2, ") && Contains(size + " bytes, in an envelope"));
  CHECK(command(at, {"state", "verify", "s"}).status == 0);
  CHECK(command(at, {"state", "get", "s", "/a"}).status == 1);
  CHECK(command(at, {"state", "set", "s", "/a", "1"}).status == 1);
  CHECK(command(at, {"state", "accept", "s"}).status == 1);
  CHECK(command(at, {"state", "restore", "s", "1"}).status == 0);
  CHECK(at.get("s").size() == std::stoul(size) - 1);
  std::string bytes = at.get("s");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  at.put("s", bytes);
  CHECK(command(at, {"state", "verify", "s"}).status == 1);
}

TEST_CASE("a wrong `perdure state` is status 2, and help is there for every part") {
  const TempDirectory at;
  at.put("s", "{}");
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"frob"},
                                                       {"show"},
                                                       {"get", "s"},
                                                       {"set", "s", "/a"},
                                                       {"set", "s", "/a", "1", "2"},
                                                       {"restore", "s"},
                                                       {"accept", "--frob", "s"}};
  for (auto arguments : wrong) {
    arguments.insert(arguments.begin(), "state");
    const auto refused = command(at, arguments);
    CHECK(refused.status == 2);
    CHECK(refused.out.empty());
  }
  CHECK(at.names() == Names{"s"});
  for (const std::string part : {"show", "get", "set", "verify", "accept", "history", "restore"}) {
    const auto help = command(at, {"state", part, "--help"});
    CHECK(help.status == 0);
    CHECK_THAT(help.out, Contains("Examples:") && Contains("Exit status:"));
  }
}

TEST_CASE("state get --raw prints the bytes that a string means") {
  const TempDirectory at;
  at.put("s", R"({"text": "a\n\u00e4 \"b\"", "number": -0, "list": ["x"]})");
  CHECK(command(at, {"state", "get", "--raw", "s", "/text"}).out == "a\n\u00e4 \"b\"\n");
  CHECK(command(at, {"state", "get", "--raw", "s", "/number"}).out == "-0\n");
  CHECK(command(at, {"state", "get", "--raw", "s", "/list"}).out == "[\"x\"]\n");
}

TEST_CASE("state unset takes a value out, and everything else keeps its spelling") {
  const TempDirectory at;
  at.put("s", "{\n  \"pi\": 3.14159265358979323846,\n  \"jobs\": [1, 2, 3]\n}\n");
  CHECK(command(at, {"state", "unset", "s", "/jobs/1"}).status == 0);
  CHECK(command(at, {"state", "get", "s", "/jobs"}).out == "[1,3]\n");
  CHECK(command(at, {"state", "unset", "s", "/jobs"}).status == 0);
  CHECK(command(at, {"state", "get", "s", ""}).out == "{\"pi\":3.14159265358979323846}\n");
  const auto missing = command(at, {"state", "unset", "s", "/jobs"});
  CHECK(missing.status == 1);
  CHECK_THAT(missing.err, Contains("nothing is there"));
  CHECK(command(at, {"state", "unset", "none", "/jobs"}).status == 1);
  CHECK_FALSE(std::filesystem::exists(at.file("none")));
}

TEST_CASE("state set takes its value from standard input, and nothing half") {
  const TempDirectory at;
  make_state(at);
  CHECK(command(at, {"state", "set", "s", "/secret", "-"}, "\"from a pipe\"\n").status == 0);
  CHECK(command(at, {"state", "get", "s", "/secret"}).out == "\"from a pipe\"\n");
  const auto broken = command(at, {"state", "set", "s", "/secret", "-"}, "{\"half\":");
  CHECK(broken.status != 0);
  CHECK(command(at, {"state", "get", "s", "/secret"}).out == "\"from a pipe\"\n");
  const auto large = command(at, {"state", "set", "--memory-max", "64kb", "s", "/secret", "-"},
                             "\"" + std::string(1 << 20, 'x') + "\"");
  CHECK(large.status == 2);
  CHECK_THAT(large.err, Contains("standard input has more than"));
}

TEST_CASE("state set and unset refuse a generation that is not the expected one") {
  const TempDirectory at;
  make_state(at);
  const std::string before = at.get("s");
  const auto late = command(at, {"state", "set", "--expect", "2", "s", "/limit", "9"});
  CHECK(late.status == 4);
  CHECK_THAT(late.err, Contains("it is generation 3, not 2"));
  CHECK(command(at, {"state", "unset", "--expect", "4", "s", "/limit"}).status == 4);
  CHECK(at.get("s") == before);
  CHECK(command(at, {"state", "set", "--expect", "3", "s", "/limit", "9"}).status == 0);
  CHECK(command(at, {"state", "unset", "--expect", "4", "s", "/limit"}).status == 0);
  CHECK(command(at, {"state", "set", "--expect", "1", "new", "/limit", "9"}).status == 4);
  CHECK_FALSE(std::filesystem::exists(at.file("new")));
  CHECK(command(at, {"state", "set", "--expect", "0", "new", "/limit", "9"}).status == 0);
  CHECK(command(at, {"state", "set", "--expect", "0", "new", "/limit", "8"}).status == 4);
}
