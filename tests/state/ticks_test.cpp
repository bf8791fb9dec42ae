// SPDX-License-Identifier: BSL-1.0
// A tracked state where the clock is coarse: no time tells what happens within its tick.
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "count.hpp"
#include "support/result.hpp"
#include "support/ticking.hpp"

using namespace perdure;
using namespace perdure::test;

namespace {

/// Somebody writes into the state, in place, once it was compared and before it gets its link.
class EditBeforeLink final : public ForwardingFileSystem {
 public:
  explicit EditBeforeLink(testing::SimulatedFileSystem& disk)
      : ForwardingFileSystem(disk), disk_(disk) {}
  bool armed = false;

  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    if (std::exchange(armed, false)) {
      const OwnedHandle file(disk_, disk_.open_lock(from_directory, from).value());
      REQUIRE(disk_.write_at(file.get(), 0, as_bytes(std::string_view("edited"))).value() == 6);
    }
    return ForwardingFileSystem::link(from_directory, from, to_directory, to);
  }

 private:
  testing::SimulatedFileSystem& disk_;
};

/// Somebody writes into the state, in place, while a save syncs it.
class EditInSync final : public ForwardingFileSystem {
 public:
  explicit EditInSync(testing::SimulatedFileSystem& disk)
      : ForwardingFileSystem(disk), disk_(disk) {}
  bool armed = false;

  SysResult<void> sync_directory(Handle directory) override {
    if (std::exchange(armed, false)) {
      disk_.pass_tick();  // a sync takes longer
      const OwnedHandle file(disk_, disk_.open_lock(directory, "s").value());
      REQUIRE(disk_.write_at(file.get(), 0, as_bytes(std::string_view("edited"))).value() == 6);
    }
    return ForwardingFileSystem::sync_directory(directory);
  }

 private:
  testing::SimulatedFileSystem& disk_;
};

/// A saved state, on a clock that ticks or not, which an editor of that kind may get at.
template <class Editor>
struct Edited {
  explicit Edited(bool ticks) {
    disk.make_directories("d");
    if (ticks) disk.stop_clock();
    tracker = std::make_unique<CountTracker>(
        CountTracker::open("/d/s", {.previous_max = 1, .system = {&editor, &environment}}).value());
    REQUIRE_OK(tracker->update(increment));
    editor.armed = true;
  }
  void check_kept() const {
    CHECK_FALSE(editor.armed);
    CHECK(disk.content("d/s").value_or("").starts_with("edited"));
  }

  testing::SimulatedFileSystem disk;
  testing::ManualEnvironment environment;
  Editor editor{disk};
  std::unique_ptr<CountTracker> tracker;
};

}  // namespace

// The version was looked up behind the sync: that of the edit, which the next save replaced.
TEST_CASE("an edit in place during a save's sync is a conflict on any clock", "[P5][P13]") {
  const bool ticks = GENERATE(false, true);
  CAPTURE(ticks);
  const Edited<EditInSync> state(ticks);
  REQUIRE_OK(state.tracker->update(increment));
  REQUIRE_FAILS(conflict, unchanged, state.tracker->update(increment));
  state.check_kept();
}

// The look before the save had the version with a hash, and that of the previous generation, the
// same file, had none: an older copy in its place, said each save until a reload.
TEST_CASE("a save that failed within a tick, and left its link, is done by the next one", "[P13]") {
  testing::SimulatedFileSystem disk;
  disk.make_directories("d");
  TickingEnvironment environment(disk);
  testing::FaultyFileSystem files(disk);
  auto tracker =
      CountTracker::open("/d/s", {.previous_max = 1, .system = {&files, &environment}}).value();
  REQUIRE_OK(tracker.update(increment));
  const std::uint64_t generation = tracker.generation();
  disk.pass_tick();
  files.fail({.operation = testing::Operation::rename,
              .call = files.calls(testing::Operation::rename) + 1,
              .error = ENOSPC});
  REQUIRE_FAILS(system, unchanged, tracker.update(increment));
  REQUIRE_OK(tracker.update(increment));
  CHECK(tracker.generation() < generation + 10);
  CHECK(tracker.state()->value == 2);
}

TEST_CASE("an edit in place right before the link is a conflict on any clock", "[P13]") {
  const bool ticks = GENERATE(false, true);
  CAPTURE(ticks);
  const Edited<EditBeforeLink> state(ticks);
  REQUIRE_FAILS(conflict, unchanged, state.tracker->update(increment));
  state.check_kept();
  CHECK(state.tracker->state()->value == 1);
}
