// SPDX-License-Identifier: BSL-1.0
// The store in etcd, over real servers: the rules of the seam, lost answers, large states, users.
#include <algorithm>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <perdure/testing/check_store.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "control.hpp"
#include "proxy.hpp"
#include "server.hpp"
#include "state/count.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

std::string said(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

Buffer bytes_of(std::size_t size, char with) {
  return Buffer(size, static_cast<std::byte>(with));
}

Result<StoreReceipt> commit(StateStore& store, const Buffer& content, Revision expected) {
  return store.commit(
      {.image = content, .expected = std::move(expected), .keep_as = {}, .drop = {}});
}

Buffer content_of(StateStore& store) {
  auto stored = store.load();
  REQUIRE_OK(stored);
  return stored.value() ? std::move(stored.value()->bytes) : Buffer();
}

}  // namespace

TEST_CASE("the store in etcd keeps every rule of the seam, with answers lost and requests late",
          "[P5][P13]") {
  if (!has_etcd()) return;
  EtcdServer server;
  CuttingProxy proxy({server.port()});
  const Cut cut = GENERATE(Cut::answer, Cut::request, Cut::late);
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  options.part_size_max = 40'000;
  options.size_max = 200'000;
  const auto open = [&](const std::string& name) { return open_etcd_store(name, options); };
  const auto check = check_store({.open = open, .lose_answer = [&] { proxy.cut_next(cut); }},
                                 {.writers = 3, .writer_saves = 8, .size_max = 200'001});
  CHECK(said(check.findings) == "");
  CHECK(said(check.left_out) == "");
  CHECK(proxy.cuts() == 3);
}

TEST_CASE("an answer that etcd would not give counts as lost, and nothing is taken from it") {
  if (!has_etcd()) return;
  EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  options.call_timeout_ms = std::chrono::seconds(20);
  ManualEnvironment time;  // passes when a call pauses
  const std::string key = R"("key":"cw==","value":"eA==")";
  const auto reads = [](const std::string& keys) {
    return R"({"header":{"revision":"9"},"succeeded":true,"responses":[{"response_range":)"
           R"({"kvs":[)" +
           keys + "]}}]}";
  };
  for (const std::string& answer : {
           std::string("what?"),
           std::string("[]"),
           std::string(R"({"succeeded":true)"),
           // No read, which is not a state that is absent.
           std::string("{}"),
           std::string(R"({"header":{"revision":"9"},"responses":[{}]})"),
           // Nothing was done, which is not a success.
           std::string(R"({"header":{"revision":"9"},"succeeded":true})"),
           // Other types, and numbers that do not fit.
           std::string(R"({"succeeded":"true"})"),
           std::string(R"({"responses":{}})"),
           std::string(R"({"header":{"revision":"-1"}})"),
           std::string(R"({"header":{"revision":"18446744073709551616"}})"),
           reads("{" + key + R"(,"mod_revision":7})"),
           reads("{" + key + R"(,"mod_revision":"7x"})"),
           reads("{" + key + R"(,"mod_revision":""})"),
           reads(R"({"key":"cw==","value":"eA","mod_revision":"7"})"),
           // A name twice, and arrays without end.
           reads("{" + key + R"(,"mod_revision":"7","mod_revision":"8"})"),
           R"({"more":)" + std::string(40, '[') + std::string(40, ']') + "}",
       }) {
    CAPTURE(answer);
    const auto store = open_etcd_store("s", options, {&native_file_system(), &time}).value();
    const auto first = commit(*store, bytes_of(5, 'a'), store->revision().value());
    REQUIRE_OK(first);
    proxy.answer_all(answer);
    const auto looked = store->revision();
    REQUIRE_FAILS(system, unchanged, looked);
    CHECK_THAT(looked.error().detail, Contains("does not answer as etcd does"));
    const auto saved = commit(*store, bytes_of(5, 'b'), first.value().revision);
    REQUIRE_FALSE(saved);
    CHECK(saved.error().fate == Fate::unknown);
    REQUIRE_FAILS(system, unchanged, store->lock({std::chrono::milliseconds(0), {}}));
    proxy.answer_all({});
    CHECK(content_of(*store) == bytes_of(5, 'a'));
  }
}

TEST_CASE("a save is one request while nobody else saves", "[P20]") {
  if (!has_etcd()) return;
  EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  auto tracker = CountTracker::open(open_etcd_store("s", options).value()).value();
  auto other = CountTracker::open(open_etcd_store("s", server.patient()).value()).value();
  const auto requests_of = [&](const auto& edit) {
    const unsigned before = proxy.requests();
    const auto done = tracker.update(edit);
    return std::pair(proxy.requests() - before, Result<void>(done).has_value());
  };
  REQUIRE_OK(tracker.update(increment));
  REQUIRE_OK(tracker.update(increment));
  for (int i = 0; i < 5; ++i) CHECK(requests_of(increment) == std::pair(1U, true));
  CHECK(tracker.generation() == 7);

  const auto refuse = [](Count& count) -> Result<void> {
    if (count.value < 8) return Error{.kind = ErrorKind::conflict, .detail = "too low"};
    return success();
  };
  CHECK(requests_of(refuse) == std::pair(1U, false));  // a look, since others may have saved
  REQUIRE_OK(other.update(increment));
  CHECK(requests_of(refuse).second);
  CHECK(tracker.state()->value == 8);

  REQUIRE_OK(other.update(increment));
  CHECK(requests_of(increment).second);
  CHECK(tracker.state()->value == 10);
}

TEST_CASE("a commit whose answer was lost is told apart, and done once", "[P5]") {
  if (!has_etcd()) return;
  EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  const auto store = open_etcd_store("s", options).value();
  const auto watcher = open_etcd_store("s", server.patient()).value();
  Revision revision;
  for (const Cut cut : {Cut::answer, Cut::request, Cut::late, Cut::nothing}) {
    const Buffer content = bytes_of(100, static_cast<char>('a' + static_cast<int>(cut)));
    proxy.cut_next(cut);
    const unsigned before = proxy.requests();
    const auto done = commit(*store, content, revision);
    REQUIRE_OK(done);
    // After the one that was cut: a look, a fence, and the commit anew. libcurl sent none again.
    if (cut == Cut::request) CHECK(proxy.requests() - before == 4);
    revision = done.value().revision;
    CHECK(watcher->revision().value() == revision);
    CHECK(content_of(*watcher) == content);
  }
  CHECK(proxy.cuts() == 3);
  // The late request has arrived since, and found another revision.
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  CHECK(watcher->revision().value() == revision);
}

TEST_CASE("without a server nothing was sent: the state is unchanged, and the error says so",
          "[P19]") {
  if (!has_etcd()) return;
  EtcdServer server;
  EtcdOptions options = server.patient();
  options.call_timeout_ms = std::chrono::milliseconds(500);
  const auto store = open_etcd_store("s", server.patient()).value();
  const auto hasty = [&] {
    auto opened = open_etcd_store("s", options);
    return opened;
  };
  auto quick = hasty();
  REQUIRE_OK(quick);
  server.kill();
  const auto refused = commit(*quick.value(), bytes_of(5, 'x'), {});
  REQUIRE_FAILS(system, unchanged, refused);
  CHECK(refused.error().path == "s");
  CHECK(refused.error().step == "save the state");
  CHECK_THAT(refused.error().detail, Contains("127.0.0.1"));
  REQUIRE_FAILS(system, unchanged, quick.value()->load());
  REQUIRE_FAILS(system, unchanged, hasty());
}

TEST_CASE("a server that stops in the middle of a commit makes it unknown, and it is once or never",
          "[P5]") {
  if (!has_etcd()) return;
  EtcdServer server;
  EtcdOptions options = server.patient();
  const auto patient = open_etcd_store("s", options).value();
  options.request_timeout_ms = EtcdServer::seconds(0.5);
  options.call_timeout_ms = EtcdServer::seconds(1.2);
  auto hasty = open_etcd_store("s", options);
  REQUIRE_OK(hasty);
  const auto first = commit(*hasty.value(), bytes_of(5, 'a'), {});
  REQUIRE_OK(first);
  server.send(SIGSTOP);
  const auto lost = commit(*hasty.value(), bytes_of(5, 'b'), first.value().revision);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().fate == Fate::unknown);
  server.send(SIGCONT);
  const Buffer now = content_of(*patient);
  CHECK((now == bytes_of(5, 'a') || now == bytes_of(5, 'b')));
  const auto save_next = [&] {
    return commit(*patient, bytes_of(5, 'c'), patient->revision().value());
  };
  auto next = save_next();
  // The request that was lost may be done between the look and the commit, and so may its fence.
  for (int late = 0; late < 2 && !next && next.error().kind == ErrorKind::conflict; ++late) {
    next = save_next();
  }
  REQUIRE_OK(next);
  CHECK(content_of(*patient) == bytes_of(5, 'c'));
}

TEST_CASE("a call goes to the next member where one does not answer") {
  if (!has_etcd()) return;
  EtcdServer server;
  EtcdOptions options = server.patient();
  options.endpoints = {"http://127.0.0.1:" + std::to_string(free_port()), server.url()};
  const auto store = open_etcd_store("s", options);
  REQUIRE_OK(store);
  REQUIRE_OK(commit(*store.value(), bytes_of(5, 'a'), {}));
}

TEST_CASE("a server that was killed and started at another port has what it acknowledged", "[P3]") {
  if (!has_etcd()) return;
  EtcdServer server;
  const Buffer content = bytes_of(70'000, 'k');
  {
    const auto store = open_etcd_store("s", server.patient()).value();
    REQUIRE_OK(commit(*store, content, {}));
  }
  server.kill();
  server.start();
  const auto store = open_etcd_store("s", server.patient()).value();
  CHECK(content_of(*store) == content);
}

TEST_CASE("a large state is whole or not there, and what a killed commit sent is cleared") {
  if (!has_etcd() || !has_etcdctl()) return;
  EtcdServer server;
  EtcdOptions options = server.patient();
  options.part_size_max = 1000;
  const auto store = open_etcd_store("s", options).value();
  const auto count = [&](const std::string& below) {
    const auto found =
        run({"etcdctl", "--endpoints", server.url(), "get", "--prefix", "--keys-only", below});
    return std::count(found.out.begin(), found.out.end(), '/');
  };
  // As a commit leaves it that was killed while it sent: parts that nothing names.
  const auto put = run({"etcdctl", "--endpoints", server.url(), "put",
                        "s/content/0123/00000000000000000000", "left"});
  REQUIRE(put.status == 0);
  const Buffer large = bytes_of(10'500, 'l');
  const auto done = commit(*store, large, {});
  REQUIRE_OK(done);
  CHECK(content_of(*store) == large);
  const Buffer small = bytes_of(10, 's');
  const auto kept =
      store->commit({.image = small, .expected = done.value().revision, .keep_as = 1, .drop = {}});
  REQUIRE_OK(kept);
  CHECK(store->load_previous(1).value()->bytes == large);
  REQUIRE_OK(store->commit(
      {.image = small, .expected = kept.value().revision, .keep_as = {}, .drop = {1}}));
  CHECK(count("s/content/") == 3);  // the slashes of one key
  CHECK(count("s/upload/") == 0);
}

TEST_CASE("a content takes the place of one that is dropped, and never that of evidence") {
  if (!has_etcd() || !has_etcdctl()) return;
  const EtcdServer server;
  const auto store = open_etcd_store("s", server.patient()).value();
  Revision revision;
  const auto save = [&](char with, std::optional<std::uint64_t> keep_as,
                        std::vector<std::uint64_t> drop = {}) {
    const Buffer content = bytes_of(5, with);
    const auto done = store->commit(
        {.image = content, .expected = revision, .keep_as = keep_as, .drop = std::move(drop)});
    REQUIRE_OK(done);
    revision = done.value().revision;
  };
  const auto keys_below = [&](const std::string& prefix) {
    const std::string found = control(server.url(), {"get", "--prefix", "--keys-only", prefix}).out;
    std::istringstream lines(found);
    std::vector<std::string> keys;
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) keys.push_back(line);
    }
    return keys;
  };
  save('a', {});
  save('b', 1);
  const auto two = keys_below("s/content/");
  REQUIRE(two.size() == 2);
  for (std::uint64_t kept = 2; kept < 6; ++kept) save('c', kept, {kept - 1});
  CHECK(keys_below("s/content/") == two);
  CHECK(store->load_previous(5).value()->bytes == bytes_of(5, 'c'));
  // One that is set aside keeps its content, whatever is saved and dropped after it.
  save('e', 6);
  const auto aside = store->set_aside_previous(6);
  REQUIRE_OK(aside);
  REQUIRE_OK(store->set_aside(revision, 7));
  revision = {};
  for (std::uint64_t kept = 8; kept < 12; ++kept) save('f', kept, {5, kept - 1});
  CHECK(store->history().value().damaged.size() == 2);
  const auto contents = keys_below("s/content/");
  CHECK(contents.size() == 4);
  unsigned evidence = 0;
  for (const std::string& key : contents) {
    const std::string bytes = control(server.url(), {"get", "--print-value-only", key}).out;
    if (bytes == "ccccc\n" || bytes == "eeeee\n") ++evidence;
  }
  CHECK(evidence == 2);
}

TEST_CASE(
    "a commit goes on where another program set a previous generation aside in the meantime") {
  if (!has_etcd()) return;
  const EtcdServer server;
  const auto store = open_etcd_store("s", server.patient()).value();
  const auto other = open_etcd_store("s", server.patient()).value();
  const Buffer content = bytes_of(5, 'a');
  const auto first = commit(*store, content, {});
  REQUIRE_OK(first);
  const auto second = store->commit(
      {.image = content, .expected = first.value().revision, .keep_as = 1, .drop = {}});
  REQUIRE_OK(second);
  REQUIRE_OK(other->set_aside_previous(1));
  CHECK(other->revision().value() == second.value().revision);
  REQUIRE_OK(store->commit(
      {.image = content, .expected = second.value().revision, .keep_as = 2, .drop = {}}));
  const auto history = other->history().value();
  CHECK(history.previous == std::vector<std::uint64_t>{2});
  CHECK(history.damaged.size() == 1);
  CHECK(history.generation_max == 2);
}

TEST_CASE("a lock is kept alive while it is held, and its lease ends with it") {
  if (!has_etcd()) return;
  EtcdServer server;
  EtcdOptions options = server.patient();
  options.lock_ttl_s = std::chrono::seconds(2);
  const auto one = open_etcd_store("s", options).value();
  const auto other = open_etcd_store("s", options).value();
  auto held = one->lock({std::chrono::milliseconds(0), {}});
  REQUIRE_OK(held);
  const auto refused = other->lock({std::chrono::seconds(5), {}});  // longer than the lease
  REQUIRE_FAILS(lock_timeout, unchanged, refused);
  held.value().reset();
  REQUIRE_OK(other->lock({EtcdServer::seconds(10), {}}));
}

TEST_CASE("keys that perdure did not write, or a later version, are left alone") {
  if (!has_etcd() || !has_etcdctl()) return;
  EtcdServer server;
  const auto put = [&](const std::string& value) {
    const auto done = run({"etcdctl", "--endpoints", server.url(), "put", "s/state", value});
    REQUIRE(done.status == 0);
  };
  put("mine");
  REQUIRE_FAILS(corrupt, unchanged, open_etcd_store("s", server.patient()));
  // As it was before the first release, and what would have to be escaped.
  put(R"({"perdure":1,"token":"0","size":5,"parts":1})");
  REQUIRE_FAILS(corrupt, unchanged, open_etcd_store("s", server.patient()));
  put(R"({"perdure":1,"token":"\\"","absent":true})");
  REQUIRE_FAILS(corrupt, unchanged, open_etcd_store("s", server.patient()));
  put(R"({"perdure":2,"token":"0"})");
  REQUIRE_FAILS(too_new, unchanged, open_etcd_store("s", server.patient()));
  REQUIRE_FAILS(invalid_argument, unchanged, open_etcd_store("s/", server.patient()));
}
