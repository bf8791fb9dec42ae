// SPDX-License-Identifier: BSL-1.0
// States on a file system that can't sync a directory.
#include <cerrno>

#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using namespace perdure::test;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

struct Bench {
  Bench() {
    files.fail({.operation = Operation::sync_directory, .error = EINVAL, .from_then_on = true});
  }
  [[nodiscard]] Result<CountTracker> open(Durability durability) {
    TrackerOptions options{.system = {&files, &native_environment()}};
    options.file.durability = durability;
    return CountTracker::open(at.file("s"), options);
  }
  TempDirectory at;
  FaultyFileSystem files{native_file_system()};
};

}  // namespace

TEST_CASE("a state whose directory can't be synced is published once at most", "[P4]") {
  Bench bench;
  auto opened = bench.open(Durability::durable);
  REQUIRE_OK(opened);
  auto& tracker = opened.value();
  const auto first = tracker.update(increment);
  REQUIRE_FAILS(unsupported, visible, first);
  CHECK_THAT(first.error().detail, Contains("'ordered'"));
  const std::string published = bench.at.get("s");
  const auto renames = bench.files.calls(Operation::rename);
  REQUIRE_FAILS(recovery_required, unchanged, tracker.update(increment));
  const auto refused = tracker.reload();
  REQUIRE_FAILS(unsupported, unchanged, refused);
  CHECK_THAT(refused.error().detail, Contains("'ordered'"));
  CHECK(bench.files.calls(Operation::rename) == renames);
  CHECK(bench.at.get("s") == published);
  // The next one to open it learns the same before it trusts the file.
  const auto other = bench.open(Durability::durable);
  REQUIRE_FAILS(unsupported, unchanged, other);
  CHECK_THAT(other.error().detail, Contains("'ordered'"));
}

TEST_CASE("a store remembers that its directory can't be synced", "[P4]") {
  Bench bench;
  auto store = open_file_store(bench.at.file("s"), {}, {&bench.files, &native_environment()});
  REQUIRE_OK(store);
  StateDraft draft;
  draft.image = as_bytes(std::string_view("first"));
  REQUIRE_FAILS(unsupported, visible, store.value()->commit(draft));
  draft.image = as_bytes(std::string_view("second"));
  draft.expected = store.value()->revision().value();
  REQUIRE_FAILS(unsupported, unchanged, store.value()->commit(draft));
  CHECK(bench.at.get("s") == "first");
}

TEST_CASE("an ordered state needs no sync of its directory", "[P4]") {
  Bench bench;
  {
    auto tracker = bench.open(Durability::ordered).value();
    for (int i = 0; i < 3; ++i) REQUIRE_OK(tracker.update(increment));
    REQUIRE_OK(tracker.restore(2));
    CHECK(tracker.state()->value == 2);
  }
  bench.at.put("s", "damage");
  auto tracker = bench.open(Durability::ordered).value();
  CHECK(tracker.report().origin == Origin::previous);
  REQUIRE_OK(tracker.update(increment));
  CHECK(bench.at.get(tracker.report().set_aside.substr(bench.at.file("").size())) == "damage");
}

TEST_CASE("an ordered state reports other errors of its directory's sync") {
  Bench bench;
  REQUIRE_OK(bench.open(Durability::ordered).value().update(increment));
  bench.files.heal();
  bench.files.fail({.operation = Operation::sync_directory, .error = EIO, .from_then_on = true});
  REQUIRE_FAILS(system, unchanged, bench.open(Durability::ordered));
}

TEST_CASE("a state without any durability is refused") {
  Bench bench;
  REQUIRE_FAILS(invalid_argument, unchanged, bench.open(Durability::none));
}
