// SPDX-License-Identifier: BSL-1.0
// A wait for a lock that its caller ends.
#include <cerrno>
#include <map>
#include <stop_token>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace std::chrono_literals;
using test::TempDirectory;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

/// Locks that somebody else holds from one taking on, and a stop that is requested while one waits.
class Held final : public Environment {
 public:
  explicit Held(std::uint64_t from = 1) {
    files.fail({.operation = Operation::try_lock,
                .call = from,
                .error = EWOULDBLOCK,
                .from_then_on = true});
  }
  SysResult<void> random(std::span<std::byte> out) override { return time.random(out); }
  std::chrono::nanoseconds monotonic() override { return time.monotonic(); }
  std::chrono::nanoseconds wall() override { return time.wall(); }
  void sleep(std::chrono::nanoseconds pause) override {
    time.sleep(pause);
    if (time.sleeps() == 3) source.request_stop();
  }

  /// Options whose waits end at the third pause. Each wait of a program could be one of these.
  template <class Options>
  Options stoppable() {
    Options options;
    options.stop = source.get_token();
    return options;
  }
  [[nodiscard]] System system() { return {.files = &files, .environment = this}; }

  FaultyFileSystem files{native_file_system()};
  testing::ManualEnvironment time;
  std::stop_source source;
};

/// That it ended at the pause in which the stop was requested.
template <class T>
void check_stopped(const Held& held, const Result<T>& outcome) {
  REQUIRE_FAILS(stopped, unchanged, outcome);
  CHECK(outcome.error().cause == std::errc::operation_canceled);
  CHECK(held.time.sleeps() == 3);
}

}  // namespace

TEST_CASE("a stop ends the wait for a target's lock, and the target is as it was", "[P8]") {
  const TempDirectory at;
  test::spit(at / "target", "old");
  Held held;
  auto options = held.stoppable<WriteOptions>();
  options.coordinate = true;
  SECTION("of a commit") {
    check_stopped(held, write_file(at / "target", "new", options, held.system()));
  }
  SECTION("of a removal") {
    check_stopped(held, remove_file(at / "target", options, held.system()));
  }
  SECTION("of a stream") {
    auto file = AtomicFile::create(at / "target", options, held.system());
    check_stopped(held, file ? file.value().commit() : Result<Receipt>(file.error()));
  }
  SECTION("of a batch") {
    const std::vector<NewFile> files{{at / "target", as_bytes("new")}};
    check_stopped(held, write_files(files, options, held.system()).front());
  }
  SECTION("of a commit whose caller has no token, but a question") {
    options.stop = [&held] { return held.time.sleeps() == 3; };
    check_stopped(held, write_file(at / "target", "new", options, held.system()));
  }
  CHECK(test::slurp(at / "target") == "old");
  CHECK(test::temps_in(at.path()).empty());
}

TEST_CASE("a lock that is free is taken, whoever asked to stop", "[P8]") {
  const TempDirectory at;
  Held held(2);
  held.source.request_stop();
  auto options = held.stoppable<WriteOptions>();
  options.coordinate = true;
  REQUIRE_OK(write_file(at / "target", "new", options, held.system()));
  const auto refused = write_file(at / "target", "newer", options, held.system());
  REQUIRE_FAILS(stopped, unchanged, refused);
  CHECK(held.time.sleeps() == 0);
}

TEST_CASE("a stop ends the wait for a root, and for a path that a transaction expects", "[P8]") {
  const TempDirectory root;
  REQUIRE_OK(recover(root.path()));
  test::spit(root / "target", "old");
  SECTION("to begin") {
    Held held;
    auto options = held.stoppable<TransactionOptions>();
    options.system = held.system();
    check_stopped(held, Transaction::begin(root.path(), options));
  }
  SECTION("to hold it open") {
    Held held;
    auto options = held.stoppable<RootOptions>();
    options.system = held.system();
    check_stopped(held, Root::open(root.path(), options));
  }
  SECTION("to compare a version") {
    Held held(2);  // the first is the root's
    auto options = held.stoppable<TransactionOptions>();
    options.system = held.system();
    auto transaction = Transaction::begin(root.path(), options);
    REQUIRE_OK(transaction);
    REQUIRE_OK(transaction.value().put("target", "new"));
    REQUIRE_OK(transaction.value().expect("target", read_version(root / "target").value()));
    check_stopped(held, transaction.value().commit());
  }
  CHECK(test::slurp(root / "target") == "old");
}

TEST_CASE("a stop ends the wait for a state, and the edit is not made", "[P8]") {
  const TempDirectory at;
  using Tracker = StateTracker<std::map<std::string, int>>;
  SECTION("to open it") {
    Held held;
    auto options = held.stoppable<TrackerOptions>();
    options.system = held.system();
    check_stopped(held, Tracker::open(at / "state", options));
  }
  SECTION("to save it") {
    Held held(2);  // the first is that of the opening
    auto options = held.stoppable<TrackerOptions>();
    options.system = held.system();
    auto tracker = Tracker::open(at / "state", options);
    REQUIRE_OK(tracker);
    Result<void> saved = tracker.value().update([](auto& state) { state["a"] = 1; });
    check_stopped(held, saved);
    CHECK(tracker.value().state()->empty());
  }
}
