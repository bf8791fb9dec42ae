// SPDX-License-Identifier: BSL-1.0
// Trackers of several programs over etcd, while servers, programs and connections fail.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <utility>
#include <vector>

#include "control.hpp"
#include "history.hpp"
#include "proxy.hpp"
#include "server.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "updater.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

constexpr int updaters = 8;

/// Waits for what other processes bring about, and no longer than it may take.
template <class Condition>
void wait_until(Condition condition, std::chrono::milliseconds longest = std::chrono::hours(24)) {
  const auto end = std::chrono::steady_clock::now() + longest;
  while (!condition() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// Options of a store that gives up soon, so that fates become unknown.
EtcdOptions hasty(std::vector<std::string> endpoints) {
  EtcdOptions options;
  options.endpoints = std::move(endpoints);
  options.request_timeout_ms = EtcdServer::seconds(0.4);
  options.call_timeout_ms = EtcdServer::seconds(0.8);
  options.lock_ttl_s = std::chrono::seconds(2);
  return options;
}

/// Eight programs that update one state, and what they told.
class Updaters {
 public:
  /// They stop when they have so many updates that were acknowledged. `cluster` says how each
  /// reaches it.
  Updaters(std::uint64_t total, std::function<EtcdOptions(int)> cluster)
      : total_(total), cluster_(std::move(cluster)) {
    for (int i = 0; i < updaters; ++i) start(i);
  }

  [[nodiscard]] Counts& counts() const { return *counts_; }
  [[nodiscard]] bool are_done() const { return counts_->acknowledged >= total_; }
  /// Starts it again, in the place of one that runs, which is killed.
  void start(int which) {
    auto& child = children_.at(static_cast<std::size_t>(which));
    child.reset();
    child = std::make_unique<Child>([&] {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it would go on after a test that was killed
      return update_in_turns(options(which, cluster_(which)), *counts_);
    });
  }
  [[nodiscard]] const Child& at(int which) const {
    return *children_.at(static_cast<std::size_t>(which));
  }
  /// Until so many of all `parts` of the updates are acknowledged.
  void wait_for_part(std::uint64_t part, std::uint64_t parts) const {
    wait_until([&] { return counts_->acknowledged >= total_ * part / parts; });
  }
  /// Until somebody was not told what became of an update: not long, since nobody may be about to.
  void wait_for_unknown() const {
    wait_until([&, before = counts_->unknown.load()] { return counts_->unknown > before; },
               EtcdServer::seconds(5));
  }

  /// Waits until all have ended by themselves, settles what is open, and checks.
  void check(const EtcdOptions& patient) {
    for (auto& child : children_) CHECK(child->said() == "all");
    History history;
    Tally tally;
    for (int i = 0; i < updaters; ++i) tally = settle(options(i, patient), *counts_);
    for (int i = 0; i < updaters; ++i) REQUIRE(add_told(history, at_.get(std::to_string(i))) == "");
    WARN(history.acknowledged << " updates acknowledged, " << history.refused << " refused, of "
                              << history.unknown << " unknown and others " << history.found
                              << " found done, " << history.missing << " found not done; "
                              << counts_->overtaken << " overtaken under the lock; "
                              << history.operations.size() << " operations");
    CHECK(fault_in(history, tally.value) == "");
    CHECK(history.acknowledged >= total_);
    CHECK(history.open == 0);
  }

 private:
  [[nodiscard]] UpdaterOptions options(int which, EtcdOptions cluster) const {
    UpdaterOptions made;
    made.number = which;
    made.told = at_.file(std::to_string(which));
    made.total = total_;
    made.lock_timeout_ms = EtcdServer::seconds(60);
    made.open = [cluster = std::move(cluster)] { return open_etcd_store("tally", cluster); };
    return made;
  }

  TempDirectory at_{Medium::memory};
  std::uint64_t total_;
  std::function<EtcdOptions(int)> cluster_;
  SharedCounts counts_;
  std::array<std::unique_ptr<Child>, updaters> children_;
};

/// The holder of the lock stops until somebody else has it.
void outlast_lease(const Updaters& programs) {
  Counts& counts = programs.counts();
  wait_until([&] { return counts.holder != Counts::nobody || programs.are_done(); });
  const int holder = counts.holder;
  if (holder == Counts::nobody) return;
  programs.at(holder).stop();
  wait_until([&] { return counts.holder != holder || programs.are_done(); });
  programs.at(holder).resume();
}

std::string url_of(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

}  // namespace

TEST_CASE("each update is done once, in one order, while servers and programs die and leases end",
          "[P3][P5][P13]") {
  if (!has_etcd() || !has_etcdctl()) return;
  EtcdServer server;
  const std::vector<std::uint16_t> ports = {server.port(), free_port()};
  // Each way to the server goes through a proxy of its own, the first one to whichever port it is
  // at.
  const std::array<std::uint16_t, 3> ways = {free_port(), free_port(), free_port()};
  const SharedCounts network_counts;
  Child network([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::array<CuttingProxy, 3> proxies{CuttingProxy(ports, ways[0]),
                                        CuttingProxy({ports[0]}, ways[1]),
                                        CuttingProxy({ports[1]}, ways[2])};
    for (CuttingProxy& proxy : proxies) proxy.cut_each(40);
    wait_until([&] { return network_counts->over.load(); });
    return std::to_string(proxies[0].cuts() + proxies[1].cuts() + proxies[2].cuts());
  });
  const auto total = static_cast<std::uint64_t>(rounds_of(10'000));
  Updaters programs(total, [&](int which) {
    return which % 2 == 0 ? hasty({url_of(ways[0])}) : hasty({url_of(ways[1]), url_of(ways[2])});
  });
  const std::uint64_t rounds = std::max<std::uint64_t>(2, total / 2500);
  std::uint64_t part = 0;
  const auto next_part = [&] { programs.wait_for_part(++part, 7 * rounds); };
  for (std::uint64_t round = 0; round < rounds; ++round) {
    next_part();
    server.send(SIGSTOP);
    programs.wait_for_unknown();
    server.send(SIGCONT);
    next_part();
    programs.start(static_cast<int>(round) % updaters);
    next_part();
    server.kill();
    programs.wait_for_unknown();
    server.start(ports[static_cast<std::size_t>((round + 1) % ports.size())]);
    next_part();
    compact(server.url());
    next_part();
    (void)revoke_leases(server.url());
    next_part();
    outlast_lease(programs);
    next_part();
  }
  programs.check(server.patient());
  CHECK(programs.counts().unknown > 0);
  CHECK(programs.counts().overtaken > 0);
  network_counts->over = true;
  const unsigned long cuts = std::stoul(network.said());
  WARN(cuts << " requests cut");
  CHECK(cuts > total / 100);
}

TEST_CASE("each update is done once, in one order, while leaders are killed again and again",
          "[P3][P5][P13]") {
  if (!has_etcd() || !has_etcdctl()) return;
  EtcdCluster cluster;
  const auto total = static_cast<std::uint64_t>(rounds_of(600));
  Updaters programs(total, [&](int which) {
    EtcdOptions options = hasty(cluster.patient().endpoints);
    auto& endpoints = options.endpoints;
    std::rotate(endpoints.begin(), endpoints.begin() + which % 3, endpoints.end());
    return options;
  });
  const std::uint64_t rounds = std::max<std::uint64_t>(3, total / 200);
  unsigned killed = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    programs.wait_for_part(round + 1, rounds + 2);
    for (unsigned member = 0; member < EtcdCluster::size; ++member) {
      if (!is_leader(cluster.url(member))) continue;
      cluster.kill(member);
      ++killed;
      programs.wait_for_part(2 * round + 3, 2 * rounds + 4);  // the others go on without it
      cluster.start(member);
      cluster.wait_for(member);
      break;
    }
    compact(cluster.url(0));
  }
  programs.check(cluster.patient());
  WARN(killed << " times the leader was killed");
  CHECK(killed >= rounds / 2);  // now and then nobody leads while one looks
}
