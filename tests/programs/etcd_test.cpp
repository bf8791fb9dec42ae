// SPDX-License-Identifier: BSL-1.0
// perdure state over a state in etcd: the same commands, at the address of a cluster.
#include <perdure/state_tracker.hpp>

#include "etcd/server.hpp"
#include "program.hpp"
#include "support/catch.hpp"

using namespace perdure::test;  // NOLINT(google-build-using-namespace)

TEST_CASE("perdure state shows, changes, lists, verifies and restores a state in etcd") {
  if (!has_etcd()) return;
  const EtcdServer server;
  const TempDirectory at;
  const std::string address = "etcd://" + server.url().substr(7) + "/app/s";
  const auto state = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "state");
    return command(at, std::move(words));
  };
  CHECK(state({"show", address}).status == 1);
  const auto set = state({"set", address, "/limit", "8"});
  INFO(set.said());
  CHECK(set.status == 0);
  CHECK(state({"set", address, "/limit", "9"}).status == 0);
  CHECK(state({"get", address, "/limit"}).out == "9\n");
  CHECK_THAT(state({"show", address}).out, Contains("generation 2, 20"));
  CHECK_THAT(state({"verify", address}).out, Contains("intact"));
  const auto history = state({"history", address});
  CHECK_THAT(history.out, Contains("current        2") && Contains("previous       1"));
  CHECK(state({"set", "--expect", "1", address, "/limit", "7"}).status == 4);
  CHECK(state({"restore", address, "1"}).status == 0);
  CHECK(state({"get", address, "/limit"}).out == "8\n");
  CHECK(state({"set", "--protocol", "fast", address, "/limit", "7"}).status == 2);
  CHECK(state({"show", "etcd://127.0.0.1:1"}).status == 2);
  CHECK(at.names().empty());
}

TEST_CASE("perdure state copy moves a state from a file to etcd and back, with its history") {
  if (!has_etcd()) return;
  const EtcdServer server;
  const TempDirectory at;
  const std::string address = "etcd://" + server.url().substr(7) + "/app/s";
  for (const std::string value : {"1", "2", "3"}) {
    REQUIRE(command(at, {"state", "set", "s", "/limit", value}).status == 0);
  }
  const auto copied = command(at, {"state", "copy", "s", address});
  INFO(copied.said());
  REQUIRE(copied.status == 0);
  CHECK(command(at, {"state", "set", address, "/limit", "4"}).status == 0);
  REQUIRE(command(at, {"state", "copy", address, "back"}).status == 0);
  CHECK(command(at, {"state", "get", "back", "/limit"}).out == "4\n");
  CHECK(at.get(".back.3.perdure-prev") == at.get("s"));
}
