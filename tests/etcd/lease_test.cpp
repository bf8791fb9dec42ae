// SPDX-License-Identifier: BSL-1.0
// A holder of the lock in etcd loses its lease between its look and its commit.
#include <chrono>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "control.hpp"
#include "proxy.hpp"
#include "server.hpp"
#include "state/count.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

Buffer bytes_of(char with) {
  return Buffer(5, static_cast<std::byte>(with));
}

Result<StoreReceipt> commit(StateStore& store, const Buffer& content, Revision expected) {
  return store.commit(
      {.image = content, .expected = std::move(expected), .keep_as = {}, .drop = {}});
}

EtcdOptions short_lease(const EtcdServer& server) {
  EtcdOptions options = server.patient();
  options.lock_ttl_s = std::chrono::seconds(2);
  return options;
}

Result<CountTracker> open_count(const EtcdOptions& options) {
  BOOST_OUTCOME_TRY(auto store, open_etcd_store("count", options));
  return CountTracker::open(std::move(store), {.lock = TrackerLock::exclusive,
                                               .lock_timeout_ms = EtcdServer::seconds(30)});
}

}  // namespace

TEST_CASE("a commit of a holder whose lease was revoked is a conflict if another one has saved",
          "[P5][P13]") {
  if (!has_etcd() || !has_etcdctl()) return;
  const EtcdServer server;
  const auto one = open_etcd_store("s", server.patient()).value();
  const auto other = open_etcd_store("s", server.patient()).value();
  const auto third = open_etcd_store("s", server.patient()).value();
  auto held = one->lock({std::chrono::milliseconds(0), {}});
  REQUIRE_OK(held);
  const Revision seen = one->revision().value();
  REQUIRE(revoke_leases(server.url()) == 1);
  const auto taken = other->lock({std::chrono::milliseconds(0), {}});
  REQUIRE_OK(taken);
  const auto saved = commit(*other, bytes_of('b'), other->revision().value());
  REQUIRE_OK(saved);
  REQUIRE_FAILS(conflict, unchanged, commit(*one, bytes_of('a'), seen));
  CHECK(third->load().value()->bytes == bytes_of('b'));
  CHECK(third->revision().value() == saved.value().revision);
  // It gives back its own lease, not the other one's lock.
  held.value().reset();
  REQUIRE_FAILS(lock_timeout, unchanged, third->lock({std::chrono::milliseconds(0), {}}));
}

TEST_CASE("a commit of a holder that was stopped for longer than its lease is a conflict",
          "[P5][P13]") {
  if (!has_etcd()) return;
  const EtcdServer server;
  const Pipe held_now;  // the holder says that it has the lock
  const Pipe go_on;     // and commits when it is told to
  Child holder([&]() -> std::string {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto store = open_etcd_store("s", short_lease(server)).value();
    const auto held = store->lock({EtcdServer::seconds(30), {}});
    if (!held) return held.error().message();
    const Revision seen = store->revision().value();
    char word = '+';
    if (::write(held_now.writer(), &word, 1) != 1) return "can't say that it holds the lock";
    if (::read(go_on.reader(), &word, 1) != 1) return "was not told to go on";
    const auto done = commit(*store, bytes_of('a'), seen);
    return done ? "done" : std::string(to_string(done.error().kind));
  });
  char word = 0;
  REQUIRE(::read(held_now.reader(), &word, 1) == 1);
  holder.stop();
  const auto store = open_etcd_store("s", short_lease(server)).value();
  const auto taken = store->lock({EtcdServer::seconds(30), {}});  // when the lease has ended
  REQUIRE_OK(taken);
  REQUIRE_OK(commit(*store, bytes_of('b'), store->revision().value()));
  REQUIRE(::write(go_on.writer(), &word, 1) == 1);
  holder.resume();
  CHECK(holder.said() == to_string(ErrorKind::conflict));
  CHECK(store->load().value()->bytes == bytes_of('b'));
}

TEST_CASE(
    "an exclusive tracker that lost its lease in the middle of a save loses nothing of others",
    "[P5][P13]") {
  if (!has_etcd() || !has_etcdctl()) return;
  const EtcdServer server;
  auto opened = open_count(server.patient());
  REQUIRE_OK(opened);
  auto& one = opened.value();
  REQUIRE_OK(Result<void>(one.update(increment)));
  unsigned edits = 0;
  const auto saved = one.update([&](Count& count) {
    ++count.value;
    if (++edits > 1) return;
    if (revoke_leases(server.url()) != 1) throw std::runtime_error("the lease is gone already");
    auto other = open_count(server.patient()).value();
    const auto theirs = other.update([](Count& state) { state.value += 100; });
    if (!theirs) throw std::runtime_error(theirs.error().message());
  });
  REQUIRE_OK(Result<void>(saved));
  CHECK(edits == 2);  // the second time on top of what the other one saved
  CHECK(one.state()->value == 102);
  CHECK(one.generation() == 3);
}

TEST_CASE("who waits for the lock takes it, though its lease was lost in the meantime") {
  if (!has_etcd() || !has_etcdctl()) return;
  const EtcdServer server;
  const auto one = open_etcd_store("s", server.patient()).value();
  auto held = one->lock({std::chrono::milliseconds(0), {}});
  REQUIRE_OK(held);
  bool waited = false;
  const auto other = open_etcd_store("s", server.patient()).value();
  // It asks whether to stop at each turn: at the second one both leases end.
  const auto taken = other->lock({EtcdServer::seconds(30), StopCondition([&] {
                                    if (!std::exchange(waited, true)) revoke_leases(server.url());
                                    return false;
                                  })});
  REQUIRE_OK(taken);
  CHECK(waited);
}

TEST_CASE(
    "a stop ends the wait for the lock in the middle of a pause, and while no server answers") {
  if (!has_etcd()) return;
  const EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  const auto holder = open_etcd_store("s", server.patient()).value();
  const auto store = open_etcd_store("s", options).value();
  unsigned asked = 0;
  const auto lock_until = [&](unsigned asks) {
    return store->lock(
        {EtcdServer::seconds(600), StopCondition([&asked, asks] { return ++asked > asks; })});
  };
  SECTION("somebody else holds it") {
    const auto held = holder->lock({std::chrono::milliseconds(0), {}});
    REQUIRE_OK(held);
    const unsigned before = proxy.requests();
    REQUIRE_FAILS(stopped, unchanged, lock_until(100));
    CHECK(proxy.requests() - before < 100);  // two for each pause
  }
  SECTION("no server answers") {
    server.send(SIGSTOP);
    REQUIRE_FAILS(stopped, unchanged, lock_until(3));
    server.send(SIGCONT);
  }
  SECTION("it is free, and asks for no stop before a server is slow") {
    REQUIRE_OK(lock_until(0));
  }
}

TEST_CASE("a lock is let go of though no server answers, and ends with its lease") {
  if (!has_etcd()) return;
  const EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = short_lease(server);
  options.endpoints = {proxy.url()};
  options.request_timeout_ms = options.call_timeout_ms = std::chrono::hours(1);
  const auto store = open_etcd_store("s", options).value();
  const auto other = open_etcd_store("s", short_lease(server)).value();
  auto held = store->lock({std::chrono::milliseconds(0), {}});
  REQUIRE_OK(held);
  server.send(SIGSTOP);
  const unsigned before = proxy.requests();
  while (proxy.requests() == before) {  // which keeps the lease, and has no answer
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  held.value().reset();  // an hour long, if it waited
  server.send(SIGCONT);
  REQUIRE_OK(other->lock({EtcdServer::seconds(30), {}}));
}
