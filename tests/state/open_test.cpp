// SPDX-License-Identifier: BSL-1.0
// The findings of open, made durable and kept: stamps, generations, links, members, other formats.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/files.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "count.hpp"
#include "memory_store.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;
using perdure::test::Contains;
using Names = std::vector<std::string>;
using testing::Operation;

namespace {

/// Dies where a parent's sync would be.
class DiesAtParentSync final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> sync_directory(Handle) override {
    if (armed) ::kill(::getpid(), SIGKILL);
    return success();
  }
  bool armed = false;
};

/// The places of two operations in a log; -1 for none.
long place_of(const std::vector<testing::Call>& log, Operation operation, const std::string& name) {
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i].operation == operation && (name.empty() || log[i].name == name)) {
      return static_cast<long>(i);
    }
  }
  return -1;
}

}  // namespace

// A kill between the publish and the sync of the directory leaves a state that everybody sees and
// that the next power cut takes away. A program that opens it must not rely on it before it is
// durable.
TEST_CASE("a state that a kill left in the page cache alone is synced before open returns it",
          "[P13]") {
  const TempDirectory at;
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    DiesAtParentSync dying(native_file_system());
    auto tracker =
        CountTracker::open(at.file("s"), {.system = {&dying, &native_environment()}}).value();
    dying.armed = true;
    (void)tracker.update(increment);
    std::_Exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));

  testing::FaultyFileSystem faulty(native_file_system());
  const System system{&faulty, &native_environment()};
  const auto tracker = CountTracker::open(at.file("s"), {.system = system}).value();
  CHECK(tracker.state()->value == 2);
  CHECK(tracker.generation() == 2);
  const auto log = faulty.log();
  const long opened = place_of(log, Operation::open_file, "s");
  const long synced = place_of(log, Operation::sync_file, "");
  const long named = place_of(log, Operation::sync_directory, "");
  CHECK(opened >= 0);
  CHECK(synced > opened);
  CHECK(named > opened);
  CHECK(faulty.calls(Operation::rename) == 0);
}

TEST_CASE("when the sync of what was found fails, open fails", "[P13]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  for (const auto operation : {Operation::sync_file, Operation::sync_directory}) {
    testing::FaultyFileSystem faulty(native_file_system());
    faulty.fail({.operation = operation, .error = EIO});
    CHECK_FALSE(CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}));
  }
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.reload());
}

TEST_CASE("reload syncs what it takes", "[P13]") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&faulty, &native_environment()}}).value();
  REQUIRE(tracker.update(increment));
  at.put("s", "{\"value\": 9}");
  faulty.restart();
  REQUIRE(tracker.reload());
  CHECK(tracker.state()->value == 9);
  CHECK(faulty.calls(Operation::sync_file) == 1);
  CHECK(faulty.calls(Operation::sync_directory) == 1);
}

TEST_CASE("a file without a stamp loads, and gets one at the first save") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"value\": 41}");
  auto tracker = CountTracker::open(at.file("s")).value();
  CHECK(tracker.report().origin == Origin::current);
  CHECK(tracker.state()->value == 41);
  CHECK(at.get("s") == "{\"value\": 41}");
  REQUIRE(tracker.update(increment));
  CHECK_THAT(at.get("s"), Contains("\"value\": 42") && Contains("checksum"));
  const auto previous = at.names_with("perdure-prev");
  REQUIRE(previous.size() == 1);
  CHECK(at.get(previous.front()) == "{\"value\": 41}");
  at.put("s", "damage");
  auto back = CountTracker::open(at.file("s")).value();
  CHECK(back.state()->value == 41);
  CHECK(back.report().origin == Origin::previous);
}

// Found in review: the edited state got the number of the one that had been edited.
TEST_CASE("a state whose stamp was taken out by hand gets no number that was given before") {
  const TempDirectory at(Medium::memory);
  std::uint64_t last = 0;
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
    last = tracker.generation();
  }
  at.put("s", "{\"value\": 41}");
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  const auto history = tracker.history();
  REQUIRE_OK(history);
  REQUIRE(history.value().previous.size() == 1);
  CHECK(history.value().previous.front() > last);
  CHECK(tracker.generation() > history.value().previous.front());
}

TEST_CASE("some of the three without the others is damage, not a file without a stamp") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"value\": 1, \"generation\": 4}");
  CHECK(CountTracker::open(at.file("s")).value().report().origin == Origin::defaults);
  CHECK(at.names_with("damaged-").size() == 1);
}

TEST_CASE("as many previous generations are kept as the option says") {
  for (const std::uint32_t kept : {0U, 1U, 3U}) {
    const TempDirectory at(Medium::memory);
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = kept}).value();
    for (int i = 0; i < 6; ++i) REQUIRE(tracker.update(increment));
    Names expected;
    for (std::uint64_t number = 6 - kept; number < 6; ++number) {
      expected.push_back(".s." + std::to_string(number) + ".perdure-prev");
    }
    CHECK(at.names_with("perdure-prev") == expected);
    const auto history = tracker.history().value();
    CHECK(history.previous.size() == kept);
    CHECK(std::is_sorted(history.previous.rbegin(), history.previous.rend()));
    struct stat current {};
    REQUIRE(::stat((at.file("s")).c_str(), &current) == 0);
    CHECK(current.st_nlink == 1);
  }
}

TEST_CASE("fewer previous generations by option are dropped at the next save") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = 3}).value();
    for (int i = 0; i < 5; ++i) REQUIRE(tracker.update(increment));
  }
  REQUIRE(CountTracker::open(at.file("s"), {.previous_max = 1}).value().update(increment));
  CHECK(at.names_with("perdure-prev") == Names{".s.5.perdure-prev"});
  REQUIRE(CountTracker::open(at.file("s"), {.previous_max = 0}).value().update(increment));
  CHECK(at.names_with("perdure-prev").empty());
}

TEST_CASE("a crash between the link and the publish leaves a name, and no harm") {
  const TempDirectory at(Medium::memory);
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    REQUIRE(tracker.update(increment));
    REQUIRE(tracker.update(increment));
  }
  REQUIRE(::link((at.file("s")).c_str(), (at.file(".s.2.perdure-prev")).c_str()) == 0);
  {
    auto tracker = CountTracker::open(at.file("s")).value();
    CHECK(tracker.report().origin == Origin::current);
    CHECK(tracker.generation() == 2);
    REQUIRE(tracker.update(increment));
    CHECK(tracker.generation() == 3);
  }
  CHECK(at.names() == Names{".s.2.perdure-prev", "s"});
  struct stat current {};
  REQUIRE(::stat((at.file("s")).c_str(), &current) == 0);
  CHECK(current.st_nlink == 1);
}

TEST_CASE("another file under the name of a previous generation is moved away, not overwritten",
          "[P15]") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  at.put(".s.1.perdure-prev", "somebody's");
  REQUIRE(tracker.update(increment));
  const auto away = at.names_with("damaged-");
  REQUIRE(away.size() == 1);
  CHECK(at.get(away.front()) == "somebody's");
  CHECK_THAT(at.get(".s.1.perdure-prev"), Contains("\"value\": 1"));
}

TEST_CASE("without hard links saves fail, and the error says how to do without") {
  const TempDirectory at(Medium::memory);
  testing::FaultyFileSystem faulty(native_file_system());
  faulty.fail({.operation = Operation::link, .error = EPERM, .from_then_on = true});
  TrackerOptions options{.system = {&faulty, &native_environment()}};
  auto tracker = CountTracker::open(at.file("s"), options).value();
  REQUIRE(tracker.update(increment));
  const auto failed = tracker.update(increment);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::unsupported);
  CHECK(failed.error().fate == Fate::unchanged);
  options.previous_max = 0;
  CHECK(CountTracker::open(at.file("s"), options).value().update(increment));
}

TEST_CASE("restore commits an earlier generation under a new number") {
  const TempDirectory at(Medium::memory);
  auto tracker = CountTracker::open(at.file("s"), {.previous_max = 3}).value();
  for (int i = 0; i < 4; ++i) REQUIRE(tracker.update(increment));
  REQUIRE(tracker.restore(2));
  CHECK(tracker.state()->value == 2);
  CHECK(tracker.generation() == 5);
  const auto missing = tracker.restore(77);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::invalid_argument);
  at.put(".s.3.perdure-prev", "damage");
  const auto damaged = tracker.restore(3);
  CHECK(nature_of(damaged) == "corrupt, unchanged, restore an earlier generation");
  CHECK(CountTracker::open(at.file("s")).value().state()->value == 2);
}

TEST_CASE("members that this program does not know survive its saves") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"value\": 1, \"color\": {\"r\": 1.50}, \"notes\": [\"n\"], \"big\": 1e400}");
  auto tracker = CountTracker::open(at.file("s")).value();
  for (int i = 0; i < 3; ++i) REQUIRE(tracker.update(increment));
  const std::string text = at.get("s");
  CHECK_THAT(text, Contains("\"color\": {\"r\": 1.50}") && Contains("\"big\": 1e400") &&
                       Contains("\"value\": 4"));
  REQUIRE(CountTracker::open(at.file("s")).value().restore(3));
  CHECK_THAT(at.get("s"), Contains("\"big\": 1e400"));
}

TEST_CASE("a state that is not an object is wrapped, and comes back") {
  const TempDirectory at(Medium::memory);
  using Tracker = StateTracker<std::vector<int>>;
  REQUIRE(Tracker::open(at.file("s")).value().update([](auto& list) { list = {1, 2, 3}; }));
  CHECK_THAT(at.get("s"), Contains("\"state\": ["));
  CHECK(*Tracker::open(at.file("s")).value().state() == std::vector<int>{1, 2, 3});
}

TEST_CASE("a state without a schema is a dictionary") {
  const TempDirectory at(Medium::memory);
  using Tracker = StateTracker<boost::json::object>;
  auto tracker = Tracker::open(at.file("s")).value();
  REQUIRE(tracker.update([](boost::json::object& state) {
    state["list"] = {1, "two", nullptr};
    state["exact"] = std::uint64_t{18446744073709551615U};
  }));
  const auto again = Tracker::open(at.file("s")).value();
  CHECK(*again.state() == *tracker.state());
  CHECK(again.state()->at("exact").as_uint64() == 18446744073709551615U);
  CHECK(again.state()->size() == 2);
  const auto clash = tracker.update([](boost::json::object& state) { state["generation"] = 5; });
  REQUIRE_FALSE(clash);
  CHECK(clash.error().kind == ErrorKind::serializer);
}

namespace {

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// Bytes of one's own: nothing in them says how many there are or whether they are intact.
struct Binary {
  Result<void> serialize(const std::vector<Point>& points, Sink& sink) const {
    return sink.write(std::as_bytes(std::span(points)));
  }
  Result<std::vector<Point>> deserialize(Bytes bytes) const {
    std::vector<Point> points(bytes.size() / sizeof(Point));
    // memcpy takes no null pointer, not even for nothing, and that is what empty ones may have.
    if (!points.empty()) {
      std::memcpy(points.data(), bytes.data(), points.size() * sizeof(Point));
    }
    return points;
  }
};

}  // namespace

TEST_CASE("any serializer will do in an envelope: a binary one") {
  const TempDirectory at(Medium::memory);
  using Tracker = StateTracker<std::vector<Point>, Envelope<Binary>>;
  {
    auto tracker = Tracker::open(at.file("points")).value();
    REQUIRE(tracker.update([](auto& points) { points = {{1, 2}}; }));
    REQUIRE(tracker.update([](auto& points) { points.push_back({3, 4}); }));
  }
  {
    auto tracker = Tracker::open(at.file("points")).value();
    CHECK(*tracker.state() == std::vector<Point>{{1, 2}, {3, 4}});
    CHECK(tracker.generation() == 2);
    CHECK(tracker.report().last_updated > StampTime{});
    REQUIRE(tracker.restore(1));
    CHECK(*tracker.state() == std::vector<Point>{{1, 2}});
  }
  at.put("points", at.get("points").substr(0, 70));
  auto tracker = Tracker::open(at.file("points")).value();
  CHECK(tracker.report().origin == Origin::previous);
  CHECK(tracker.state()->size() == 2);
  REQUIRE(tracker.update([](auto& points) { points.clear(); }));
  CHECK(Tracker::open(at.file("points")).value().state()->empty());
}

TEST_CASE("an older schema is migrated, a newer one is refused, and so is a missing step") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"total\": 20, \"schema_version\": 1}");
  Migrations<Json<Count>> migrations(3);
  migrations.from(1, [](boost::json::object& state) -> Result<void> {
    state["doubled"] = state["total"].as_int64() * 2;
    state.erase("total");
    return success();
  });
  const auto missing = CountTracker::open(at.file("s"), {}, {}, {}, migrations);
  CHECK(nature_of(missing) == "serializer, unchanged, read the state");
  CHECK(at.names() == Names{"s"});
  migrations.from(2, [](boost::json::object& state) -> Result<void> {
    state["value"] = state["doubled"].as_int64() + 1;
    state.erase("doubled");
    return success();
  });
  {
    auto tracker = CountTracker::open(at.file("s"), {}, {}, {}, migrations).value();
    CHECK(tracker.state()->value == 41);
    CHECK_THAT(at.get("s"), Contains("total"));  // only a save writes
    REQUIRE(tracker.update(increment));
  }
  CHECK_THAT(at.get("s"), Contains("\"schema_version\": 3") && Contains("\"value\": 42"));
  {
    auto tracker = CountTracker::open(at.file("s"), {}, {}, {}, migrations).value();
    CHECK(tracker.state()->value == 42);
    CHECK(tracker.generation() == 2);
  }
  const std::string text = at.get("s");
  for (const std::uint32_t older : {0U, 2U}) {
    const auto refused =
        CountTracker::open(at.file("s"), {}, {}, {}, Migrations<Json<Count>>(older));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::too_new);
  }
  CHECK(at.get("s") == text);
  CHECK(at.names_with("damaged").empty());
}

TEST_CASE("what a migration throws or refuses is an error of open, and the file stays") {
  const TempDirectory at(Medium::memory);
  at.put("s", "{\"total\": \"twenty\", \"schema_version\": 1}");
  Migrations<Json<Count>> migrations(2);
  migrations.from(1, [](boost::json::object& state) -> Result<void> {
    state["value"] = state["total"].as_int64();
    return success();
  });
  const auto opened = CountTracker::open(at.file("s"), {}, {}, {}, migrations);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::serializer);
  CHECK(at.names() == Names{"s"});
}

TEST_CASE("an enveloped state migrates by its bytes") {
  const TempDirectory at(Medium::memory);
  using Serializer = Envelope<RawBytes>;
  using Tracker = StateTracker<Buffer, Serializer>;
  REQUIRE(Tracker::open(at.file("s"), {}, {}, {}, Migrations<Serializer>(1))
              .value()
              .update([](Buffer& bytes) { bytes.assign(2, std::byte{1}); }));
  Migrations<Serializer> migrations(2);
  migrations.from(1, [](Buffer& bytes) -> Result<void> {
    bytes.push_back(std::byte{9});
    return success();
  });
  auto tracker = Tracker::open(at.file("s"), {}, {}, {}, migrations).value();
  CHECK(tracker.state()->size() == 3);
  CHECK(tracker.generation() == 1);
  REQUIRE(tracker.update([](Buffer&) {}));
  CHECK_FALSE(Tracker::open(at.file("s"), {}, {}, {}, Migrations<Serializer>(1)));
  CHECK(Tracker::open(at.file("s"), {}, {}, {}, migrations).value().state()->size() == 3);
}

TEST_CASE("a symbolic link is followed, once, and stays", "[P7]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(::mkdir((at.file("real")).c_str(), 0755) == 0);
  REQUIRE(CountTracker::open(at.file("real/state")).value().update(increment));
  REQUIRE(::symlink("real/state", (at.file("link")).c_str()) == 0);
  auto tracker = CountTracker::open(at.file("link")).value();
  REQUIRE(tracker.update(increment));
  CHECK(std::filesystem::is_symlink(at.file("link")));
  CHECK(CountTracker::open(at.file("real/state")).value().state()->value == 2);
  CHECK(at.names() == Names{"link", "real"});
  at.put("real/state", "damage");
  auto back = CountTracker::open(at.file("link")).value();
  CHECK(back.report().origin == Origin::previous);
  CHECK(std::filesystem::exists(at.file("real/" + back.report().set_aside)));
}

TEST_CASE("mode and attributes of the file are kept by saves", "[P6]") {
  const TempDirectory at(Medium::memory);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  REQUIRE(::chmod((at.file("s")).c_str(), 0620) == 0);
  auto tracker = CountTracker::open(at.file("s")).value();
  REQUIRE(tracker.update(increment));
  struct stat status {};
  REQUIRE(::stat((at.file("s")).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0620);
  TrackerOptions options;
  options.file.metadata = Metadata::fixed(0600);
  REQUIRE(CountTracker::open(at.file("s"), options).value().update(increment));
  REQUIRE(::stat((at.file("s")).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
}

TEST_CASE("missing parents are made only where that was asked for") {
  const TempDirectory at(Medium::memory);
  CHECK_FALSE(CountTracker::open(at.file("a/b/s")));
  TrackerOptions options;
  options.file.make_parents = true;
  REQUIRE(CountTracker::open(at.file("a/b/s"), options).value().update(increment));
  CHECK(std::filesystem::exists(at.file("a/b/s")));
}

TEST_CASE("what others plant in a directory for all is not taken for a previous generation",
          "[P17]") {
  if (::geteuid() != 0) return skip("needs root to make files of another user");
  const TempDirectory at(Medium::memory);
  REQUIRE(::chmod(at.path().c_str(), 01777) == 0);
  REQUIRE(CountTracker::open(at.file("s")).value().update(increment));
  std::filesystem::rename(at.file("s"), at.file(".s.1.perdure-prev"));
  CHECK(CountTracker::open(at.file("s")).value().report().origin == Origin::previous);
  REQUIRE(::chown((at.file(".s.1.perdure-prev")).c_str(), 12345, 12345) == 0);
  CHECK(CountTracker::open(at.file("s")).value().report().origin == Origin::defaults);
}

TEST_CASE("time comes from the environment, to the nanosecond, in UTC") {
  const TempDirectory at(Medium::memory);
  testing::ManualEnvironment time;
  time.advance(std::chrono::nanoseconds(123456789));
  auto tracker =
      CountTracker::open(at.file("s"), {.system = {&native_file_system(), &time}}).value();
  REQUIRE(tracker.update(increment));
  CHECK_THAT(at.get("s"), Contains("\"last_updated\": \"2001-09-09T01:46:40.123456789Z\""));
}
