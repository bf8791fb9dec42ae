// SPDX-License-Identifier: BSL-1.0
// The tracker over etcd: several programs save one state, and servers and connections fail.
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <vector>

#include <climits>

#include "linear.hpp"
#include "proxy.hpp"
#include "server.hpp"
#include "state/count.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

Result<CountTracker> open_count(const EtcdOptions& options, TrackerOptions tracker = {}) {
  BOOST_OUTCOME_TRY(auto store, open_etcd_store("count", options));
  tracker.lock_timeout_ms = EtcdServer::seconds(60);
  return CountTracker::open(std::move(store), tracker);
}

std::string now_ns() {
  return std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Updates until `count` were acknowledged, and tells each before and behind it (linear.hpp). After
/// an unknown one it reloads.
std::string update_often(const EtcdOptions& options, unsigned count, const std::string& told) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it would go on after a test that was killed
  auto opened = open_count(options);
  while (!opened) opened = open_count(options);
  auto& tracker = opened.value();
  std::ofstream out(told);
  for (unsigned done = 0; done < count;) {
    const std::string begin = now_ns();
    out << "begin " << begin << std::endl;
    const auto saved = tracker.update([](Count& state) { return ++state.value; });
    if (saved) {
      out << "done " << begin << ' ' << now_ns() << ' ' << saved.value().value << ' '
          << saved.value().receipt.generation << std::endl;
      ++done;
    } else if (saved.error().fate == Fate::unchanged) {
      out << "undone " << begin << std::endl;
    } else {
      while (!tracker.reload()) {
      }
    }
  }
  return "all";
}

/// The same, by connections each of which is cut in turn in each way.
std::string update_disturbed(EtcdOptions options, const std::vector<std::uint16_t>& ports,
                             unsigned count, const std::string& told) {
  CuttingProxy proxy(ports);
  options.endpoints = {proxy.url()};
  std::atomic<bool> over = false;
  std::thread cutter([&] {
    for (unsigned next = 0; !over; ++next) {
      proxy.cut_next(static_cast<Cut>(1 + next % 3));
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
    }
  });
  std::string end = update_often(options, count, told);
  over = true;
  cutter.join();
  return end;
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

TEST_CASE(
    "no update is lost or done twice, and all happen in one order, while servers and programs "
    "are killed and stopped, and connections are cut",
    "[P3][P5][P13]") {
  if (!has_etcd()) return;
  EtcdServer server;
  const TempDirectory at(Medium::memory);
  const std::vector<std::uint16_t> ports = {server.port(), free_port()};
  constexpr unsigned processes = 6;
  constexpr unsigned victims = 2;  // of kill -9
  const auto count = static_cast<unsigned>(rounds_of(10));
  EtcdOptions options = server.patient();
  options.request_timeout_ms = EtcdServer::seconds(1);
  options.call_timeout_ms = EtcdServer::seconds(10);
  std::vector<std::unique_ptr<Child>> children;
  for (unsigned i = 0; i < processes; ++i) {
    const unsigned own = i < victims ? UINT_MAX : count;
    children.push_back(std::make_unique<Child>(
        [&, i, own] { return update_disturbed(options, ports, own, at.file(std::to_string(i))); }));
  }
  const auto wait_a_little = [] { std::this_thread::sleep_for(std::chrono::milliseconds(200)); };
  for (unsigned round = 0; round < victims; ++round) {
    wait_a_little();
    server.send(SIGSTOP);
    children.back()->stop();
    wait_a_little();
    server.send(SIGCONT);
    wait_a_little();
    children.back()->resume();
    server.kill();
    server.start(ports[(round + 1) % ports.size()]);
    wait_a_little();
    (void)run({"etcdctl", "--endpoints", server.url(), "compact", std::to_string(3 + round)});
    children[round].reset();
  }
  for (unsigned i = victims; i < processes; ++i) CHECK(children[i]->said() == "all");
  std::vector<Told> told;
  for (unsigned i = 0; i < processes; ++i) REQUIRE(parse_told(at.get(std::to_string(i)), told));
  auto tracker = open_count(server.patient()).value();
  CHECK(tracker.report().origin == Origin::current);
  CHECK(fault_in(told, tracker.state()->value) == "");
}

TEST_CASE("members of a cluster are killed one after the other: no update is lost or done twice",
          "[P3][P5][P13]") {
  if (!has_etcd()) return;
  EtcdCluster cluster;
  const TempDirectory at(Medium::memory);
  EtcdOptions options = cluster.patient();
  options.request_timeout_ms = EtcdServer::seconds(1);
  constexpr unsigned processes = 3;
  const auto count = static_cast<unsigned>(rounds_of(15));
  std::vector<std::unique_ptr<Child>> children;
  for (unsigned i = 0; i < processes; ++i) {
    children.push_back(std::make_unique<Child>(
        [&, i] { return update_often(options, count, at.file(std::to_string(i))); }));
  }
  for (unsigned killed = 0; killed < 3; ++killed) {  // the leader is among them
    cluster.kill(killed);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    cluster.start(killed);
    cluster.wait_for(killed);
  }
  for (auto& child : children) CHECK(child->said() == "all");
  std::vector<Told> told;
  for (unsigned i = 0; i < processes; ++i) REQUIRE(parse_told(at.get(std::to_string(i)), told));
  const auto tracker = open_count(cluster.patient()).value();
  CHECK(fault_in(told, tracker.state()->value) == "");
}

TEST_CASE("the check of one order finds what it is for") {
  const std::vector<Told> good = {{1, 2, 1, 1}, {3, 6, 2, 2}, {4, 5, 3, 4}, {1, 9, {}, {}}};
  CHECK(fault_in(good, 3) == "");
  CHECK(fault_in(good, 4) == "");
  CHECK_THAT(fault_in(good, 5), Contains("5"));
  CHECK_THAT(fault_in(good, 2), Contains("lost"));
  CHECK_THAT(fault_in({{1, 2, 1, 1}, {3, 4, 1, 2}}, 2), Contains("twice"));
  CHECK_THAT(fault_in({{1, 2, 1, 1}, {3, 4, 2, 1}}, 2), Contains("generation 1"));
  CHECK_THAT(fault_in({{5, 6, 1, 1}, {1, 2, 2, 2}}, 2), Contains("before"));
  CHECK_THAT(fault_in({{1, 2, 1, 2}, {3, 4, 2, 1}}, 2), Contains("generation"));
  std::vector<Told> told;
  CHECK(parse_told("begin 1\ndone 1 2 1 1\nbegin 3\nundone 3\nbegin 5\nbegin 7\ndone 7 8", told));
  REQUIRE(told.size() == 3);
  CHECK(told[0].value == 1);
  CHECK_FALSE(told[1].value);
  CHECK_FALSE(told[2].value);
}
