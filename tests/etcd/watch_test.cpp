// SPDX-License-Identifier: BSL-1.0
// Waiting for a change of a state in etcd: a watch hears of it, and looks decide.
#include <atomic>
#include <thread>

#include <perdure/forwarding_store.hpp>
#include <perdure/state_tracker.hpp>

#include "proxy.hpp"
#include "server.hpp"
#include "state/count.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

namespace {

using Heard = StateStore::Watch::Heard;

/// Counts the looks, and says when the watch has begun.
class Counting final : public ForwardingStore {
 public:
  struct Counts {
    std::atomic<unsigned> looks = 0;
    std::atomic<unsigned> watches = 0;
  };
  Counting(std::unique_ptr<StateStore> base, Counts& counts)
      : ForwardingStore(std::move(base)), counts_(counts) {}
  Result<Revision> revision() override {
    ++counts_.looks;
    return base().revision();
  }
  std::unique_ptr<Watch> watch() override {
    auto watch = base().watch();
    if (watch) ++counts_.watches;
    return watch;
  }

 private:
  Counts& counts_;
};

CountTracker open_over(std::unique_ptr<StateStore> store) {
  return CountTracker::open(std::move(store)).value();
}

}  // namespace

TEST_CASE("a watch of etcd hears a commit, and nothing while there is none") {
  if (!has_etcd()) return;
  EtcdServer server;
  auto writer = open_over(open_etcd_store("s", server.patient()).value());
  const auto store = open_etcd_store("s", server.patient()).value();
  const auto watch = store->watch();
  REQUIRE(watch != nullptr);
  CHECK(watch->wait({milliseconds(50), {}}) == Heard::nothing);
  auto beside = open_over(open_etcd_store("s2", server.patient()).value());
  REQUIRE_OK(beside.update(increment));
  CHECK(watch->wait({milliseconds(50), {}}) == Heard::nothing);
  REQUIRE_OK(writer.update(increment));
  CHECK(watch->wait({EtcdServer::seconds(10), {}}) == Heard::change);
  REQUIRE_OK(writer.update(increment));
  REQUIRE_OK(writer.update(increment));
  CHECK(watch->wait({EtcdServer::seconds(10), {}}) == Heard::change);
  CHECK(watch->wait({milliseconds::max(), [] { return true; }}) != Heard::end);
  server.kill();
  Heard heard = Heard::nothing;
  for (int i = 0; i < 3 && heard != Heard::end; ++i) {  // the second save may be heard apart
    heard = watch->wait({EtcdServer::seconds(10), {}});
  }
  CHECK(heard == Heard::end);
  CHECK(watch->wait({milliseconds::max(), {}}) == Heard::end);
}

TEST_CASE("who waits over etcd is told of a change, at a few looks, also when connections break") {
  if (!has_etcd()) return;
  EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  options.request_timeout_ms = EtcdServer::seconds(0.2);
  enum class Broken { nothing, cut, mute };
  const auto broken = GENERATE(Broken::nothing, Broken::cut, Broken::mute);
  CAPTURE(static_cast<int>(broken));
  auto writer = open_over(open_etcd_store("s", server.patient()).value());
  Counting::Counts counts;
  auto tracker =
      open_over(std::make_unique<Counting>(open_etcd_store("s", options).value(), counts));
  std::atomic<bool> changed = false;
  std::thread waiting([&] {
    const auto waited = tracker.wait_changed({EtcdServer::seconds(60), {}});
    changed = waited && waited.value();
  });
  while (counts.watches == 0 || counts.looks < 2) std::this_thread::yield();
  if (broken == Broken::cut) proxy.cut_open();
  if (broken == Broken::mute) proxy.mute_open();
  REQUIRE_OK(writer.update(increment));
  waiting.join();
  CHECK(changed);
  CHECK(counts.looks < 10);
  REQUIRE_OK(tracker.reload());
  CHECK(tracker.state()->value == 1);
}
