// SPDX-License-Identifier: BSL-1.0
// The time of a commit runs out at each of its steps, while its request is cut or on its way.
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <perdure/system/environment.hpp>
#include <perdure/system/native.hpp>

#include "proxy.hpp"
#include "server.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// The machine's, but that an hour passes at one look at the clock.
class LeapingEnvironment final : public Environment {
 public:
  /// At the look of this number from now on; 0: never.
  void leap_at(unsigned look) { left_ = look; }
  /// Whether that look is past.
  [[nodiscard]] bool has_leapt() const { return left_ == 0; }

  SysResult<void> random(std::span<std::byte> out) override { return native().random(out); }
  std::chrono::nanoseconds monotonic() override {
    if (left_ != 0 && --left_ == 0) past_ += std::chrono::hours(1);
    return native().monotonic() + past_;
  }
  std::chrono::nanoseconds wall() override { return native().wall(); }
  void sleep(std::chrono::nanoseconds time) override { native().sleep(time); }

 private:
  static Environment& native() { return native_environment(); }

  unsigned left_ = 0;
  std::chrono::nanoseconds past_{0};
};

Buffer bytes_of(char with) {
  return Buffer(5, static_cast<std::byte>(with));
}

Result<StoreReceipt> commit(StateStore& store, const Buffer& content, Revision expected) {
  return store.commit(
      {.image = content, .expected = std::move(expected), .keep_as = {}, .drop = {}});
}

}  // namespace

TEST_CASE(
    "the answer of a commit is true at whichever step its time runs out, and stays true when "
    "its request is cut off or arrives late",
    "[P5][P13]") {
  if (!has_etcd()) return;
  const Cut cut = GENERATE(Cut::request, Cut::answer, Cut::late);
  const EtcdServer server;
  CuttingProxy proxy({server.port()});
  EtcdOptions options = server.patient();
  options.endpoints = {proxy.url()};
  LeapingEnvironment environment;
  const auto watcher = open_etcd_store("s", server.patient()).value();
  REQUIRE_OK(commit(*watcher, bytes_of('0'), {}));
  unsigned unchanged = 0;
  bool past_end = false;
  for (unsigned look = 1; !past_end; ++look) {
    const auto store = open_etcd_store("s", options, {&native_file_system(), &environment}).value();
    const Buffer before = watcher->load().value()->bytes;
    const Buffer next = bytes_of(static_cast<char>('0' + look));
    const Revision seen = store->revision().value();
    const unsigned late = proxy.late_requests();
    const unsigned cuts = proxy.cuts();
    proxy.cut_next(cut);
    environment.leap_at(look);
    const auto done = commit(*store, next, seen);
    past_end = !environment.has_leapt();
    environment.leap_at(0);
    proxy.cut_next(Cut::nothing);
    const unsigned sent = proxy.cuts() - cuts;
    while (cut == Cut::late && proxy.late_requests() - late < sent) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    INFO("the time was over at look " << look << ": " << (done ? "done" : done.error().message()));
    const Buffer now = watcher->load().value()->bytes;
    if (done) {
      CHECK(now == next);
    } else if (done.error().fate == Fate::unchanged) {
      CHECK(now == before);
      if (sent > 0) ++unchanged;
    } else {
      CHECK((now == next || now == before));
    }
  }
  CHECK((unchanged > 0) == (cut != Cut::answer));  // of those whose request was sent
}
