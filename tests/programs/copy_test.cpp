// SPDX-License-Identifier: BSL-1.0
// perdure state copy between files: with the history, as often as it takes, and over nobody's
// state.
#include <boost/json.hpp>

#include <perdure/state_tracker.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::command;
using perdure::test::Contains;
using perdure::test::json_of;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;
using Tracker = perdure::StateTracker<json::object>;

namespace {

/// So many saves, with all generations before the last one kept.
void make_state(const TempDirectory& at, const std::string& name, int saves) {
  auto tracker = Tracker::open(at.file(name), {.previous_max = 10}).value();
  for (int i = 1; i <= saves; ++i) {
    REQUIRE(tracker.update([&](json::object& state) { state["limit"] = i; }));
  }
}

}  // namespace

TEST_CASE("state copy copies each generation byte for byte, and a tracker goes on with the copy") {
  const TempDirectory at;
  make_state(at, "s", 3);
  const auto copied = command(at, {"state", "copy", "s", "t"});
  INFO(copied.said());
  CHECK(copied.status == 0);
  CHECK(copied.out == "t: committed 3 generations of s\n");
  CHECK(at.get("t") == at.get("s"));
  CHECK(at.get(".t.1.perdure-prev") == at.get(".s.1.perdure-prev"));
  CHECK(at.get(".t.2.perdure-prev") == at.get(".s.2.perdure-prev"));
  auto tracker = Tracker::open(at.file("t"), {.previous_max = 10}).value();
  CHECK(tracker.report().origin == perdure::Origin::current);
  REQUIRE(tracker.restore(1));
  CHECK(tracker.generation() == 4);
}

TEST_CASE("state copy goes on where it was interrupted, and does nothing twice") {
  const TempDirectory at;
  make_state(at, "s", 4);
  // As a copy leaves it that was killed behind its second commit.
  at.put("t", at.get(".s.2.perdure-prev"));
  at.put(".t.1.perdure-prev", at.get(".s.1.perdure-prev"));
  CHECK(json_of(command(at, {"state", "copy", "--json", "s", "t"})).at("generations") == 2);
  CHECK(at.get("t") == at.get("s"));
  CHECK(json_of(command(at, {"state", "copy", "--json", "s", "t"})).at("generations") == 0);
}

TEST_CASE("state copy leaves a state alone that is not a copy of the other one") {
  const TempDirectory at;
  make_state(at, "s", 2);
  make_state(at, "t", 1);
  const std::string before = at.get("t");
  const auto refused = command(at, {"state", "copy", "s", "t"});
  CHECK(refused.status == 4);
  CHECK_THAT(refused.err, Contains("it has a state of its own: choose another place"));
  CHECK(at.get("t") == before);
  CHECK(command(at, {"state", "copy", "none", "t"}).status == 1);
}
