// SPDX-License-Identifier: BSL-1.0
// The tracker over etcd: what it keeps, and what it sets aside.
#include <string>
#include <utility>
#include <vector>

#include "server.hpp"
#include "state/count.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

Result<CountTracker> open_count(const EtcdOptions& options, TrackerOptions tracker = {}) {
  BOOST_OUTCOME_TRY(auto store, open_etcd_store("count", options));
  tracker.lock_timeout_ms = EtcdServer::seconds(60);
  return CountTracker::open(std::move(store), tracker);
}

}  // namespace

TEST_CASE("a tracker over etcd saves, keeps generations, and goes on where another one saved",
          "[P5][P13]") {
  if (!has_etcd()) return;
  EtcdServer server;
  auto one = open_count(server.patient(), {.previous_max = 2}).value();
  CHECK(one.report().origin == Origin::defaults);
  for (int i = 0; i < 4; ++i) REQUIRE_OK(Result<void>(one.update(increment)));
  auto other = open_count(server.patient(), {.previous_max = 2}).value();
  CHECK(other.report().origin == Origin::current);
  CHECK(other.generation() == 4);
  REQUIRE_OK(Result<void>(other.update(increment)));
  CHECK(one.changed().value());
  REQUIRE_OK(Result<void>(one.update(increment)));
  CHECK(one.state()->value == 6);
  CHECK(one.history().value().previous == std::vector<std::uint64_t>{5, 4});
  REQUIRE_OK(one.restore(4));
  CHECK(one.state()->value == 4);
  REQUIRE_OK(other.reload());
  CHECK(other.state()->value == 4);
  CHECK(other.generation() == 7);
}

TEST_CASE("more previous generations than the store keeps are refused at once") {
  if (!has_etcd()) return;
  EtcdServer server;
  REQUIRE_FAILS(invalid_argument, unchanged, open_count(server.patient(), {.previous_max = 49}));
}

TEST_CASE("a damaged state in etcd is set aside, and the tracker goes on with the one before",
          "[P13]") {
  if (!has_etcd()) return;
  EtcdServer server;
  {
    auto tracker = open_count(server.patient()).value();
    for (int i = 0; i < 3; ++i) REQUIRE_OK(Result<void>(tracker.update(increment)));
  }
  {
    const auto store = open_etcd_store("count", server.patient()).value();
    const auto current = store->load().value();
    Buffer damaged = current->bytes;
    damaged[damaged.size() / 2] ^= std::byte{1};
    REQUIRE_OK(store->commit(
        {.image = damaged, .expected = current->revision, .keep_as = {}, .drop = {}}));
  }
  auto tracker = open_count(server.patient()).value();
  CHECK(tracker.report().origin == Origin::previous);
  CHECK_THAT(tracker.report().set_aside, Contains("count/damaged/"));
  CHECK(tracker.state()->value == 2);
  REQUIRE_OK(Result<void>(tracker.update(increment)));
  CHECK(tracker.generation() > 1000);
}
