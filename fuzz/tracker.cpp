// SPDX-License-Identifier: BSL-1.0
// A tracker is opened on files that anything may have left: a few options, then file by file its
// name, its kind and its content, then what happens before it is saved. Whatever is there, what was
// evidence stays, what is returned is what the disk has, and no number is used twice.
#include <array>
#include <map>
#include <optional>

#include <perdure/state_tracker.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "engine/names.hpp"
#include "formats/json/stamp_fields.hpp"
#include "fuzz.hpp"

namespace perdure::fuzz {

namespace {

struct State {
  std::int64_t count = 0;
  std::string text;
  friend bool operator==(const State&, const State&) = default;
};
BOOST_DESCRIBE_STRUCT(State, (), (count, text))
using Tracker = StateTracker<State>;

using testing::SimulatedFileSystem;

/// An intact file of this generation, with up to two bytes flipped, or cut short.
std::string stamped_file(InputBytes& input) {
  Stamp stamp;
  stamp.generation = input.flag() ? input.number<std::uint64_t>() : input.below(8);
  stamp.schema_version = input.below(4) == 0 ? static_cast<std::uint32_t>(input.below(3)) : 0;
  const std::size_t beside = input.below(4);
  if (beside == 0) stamp.unknown[""] = {{"more", "[1]"}};
  if (beside == 1) stamp.lineage = {.id = 1 + stamp.generation % 3};
  Buffer bytes;
  BufferSink sink(bytes);
  const State state{input.number<std::int8_t>(), std::string(input.text(input.below(8)))};
  // Bytes that are not UTF-8 can't be written: they make an empty file.
  if (!Json<State>{}.serialize_stamped(state, stamp, sink)) bytes.clear();
  for (std::size_t flips = input.below(3); flips > 0 && !bytes.empty(); --flips) {
    bytes[input.below(bytes.size())] ^= static_cast<std::byte>(input.number());
  }
  if (input.below(8) == 0 && !bytes.empty()) bytes.resize(input.below(bytes.size()));
  return std::string(as_text(bytes));
}

std::string name_of(InputBytes& input, Environment& environment) {
  const std::uint64_t number = input.below(4) == 0 ? input.number<std::uint64_t>() : input.below(8);
  switch (input.below(6)) {
    case 0:
    case 1:
      return "state";
    case 2:
      return names::previous_of("state", number);
    case 3:
      return names::make_damaged("state", number, environment).value();
    case 4:
      return names::lock_of("state");
    default: {
      const std::string name(input.text(input.below(40)));
      return names::fault_of_leaf(name).empty() ? name : "notes";
    }
  }
}

void put_file(InputBytes& input, SimulatedFileSystem& disk, Environment& environment) {
  const std::string path = "d/" + name_of(input, environment);
  for (const std::string& there : disk.paths()) {
    if (there == path || there == path + "/") return;
  }
  switch (input.below(8)) {
    case 0:
      return disk.put(path, input.text(input.below(64)));
    case 1:
      return disk.make_symlink(path,
                               std::string(input.one_of(std::array{"notes", "state", "x/y"})));
    case 2:
      return disk.make_directories(path);
    case 3: {  // a text that was made by hand
      const bool numbered = input.flag();
      return disk.put(path, numbered ? R"({"count": 7, "generation": 7})" : R"({"count": 7})");
    }
    default:
      return disk.put(path, stamped_file(input));
  }
}

TrackerOptions options_of(InputBytes& input, testing::SimulatedFileSystem& disk,
                          Environment& environment) {
  TrackerOptions options;
  options.lock = input.flag() ? TrackerLock::exclusive : TrackerLock::shared;
  options.previous_max = static_cast<std::uint32_t>(input.below(4));
  options.damage = input.one_of(std::array{DamagePolicy::set_aside, DamagePolicy::set_aside,
                                           DamagePolicy::refuse, DamagePolicy::accept_edit});
  options.file.size_max = input.below(8) == 0 ? 100 : 1U << 20U;
  options.lock_timeout_ms = std::chrono::milliseconds(20);
  options.system = {&disk, &environment};
  return options;
}

using Files = std::multimap<std::string, std::string>;  // content, and under which path

Files files_of(const SimulatedFileSystem& disk) {
  Files files;
  for (const std::string& path : disk.paths()) {
    if (const auto content = disk.content(path)) files.emplace(*content, path);
  }
  return files;
}

/// Opening moves files, but destroys none.
void check_kept(const Files& before, const SimulatedFileSystem& disk, bool moved) {
  const Files after = files_of(disk);
  for (const auto& [content, path] : before) {
    require(after.contains(content), "opening keeps every content");
    if (!moved) require(disk.content(path) == content, "nothing is moved that was not said");
  }
}

/// The file that the state is in, where a link leads.
std::string leaf_of(SimulatedFileSystem& disk) {
  const OwnedHandle directory(disk, disk.open_directory(Handle::working_directory, "d").value());
  const auto link = disk.open_link(directory.get(), "state");
  if (!link) return "state";
  const auto text = disk.read_link(OwnedHandle(disk, link.value()).get());
  return text ? text.value() : "state";
}

/// The numbers in names, and the one that was read: the next must be beyond them.
std::uint64_t highest_number(SimulatedFileSystem& disk, const Tracker& tracker) {
  const std::string leaf = leaf_of(disk);
  std::uint64_t highest = tracker.generation();
  for (const std::string& path : disk.paths()) {
    const std::string name = path.substr(path.find('/') + 1);
    const auto previous = names::parse_previous(name, leaf);
    if (disk.content(path) && previous) highest = std::max(highest, *previous);
    // Evidence bears the highest number that anything may have had.
    const auto damaged = names::parse_damaged(name, leaf);
    if (disk.content(path) && damaged) highest = std::max(highest, *damaged);
  }
  return highest;
}

/// The deed of somebody else to the state; true when it is another tracker that saves.
bool meddle(InputBytes& input, SimulatedFileSystem& disk, const TrackerOptions& options) {
  const OwnedHandle directory(disk, disk.open_directory(Handle::working_directory, "d").value());
  const std::string leaf = leaf_of(disk);
  const std::size_t kind = input.below(8);
  if (kind == 1 && options.lock == TrackerLock::shared) {
    auto other = Tracker::open("/d/state", options);
    if (!other) return false;
    return other.value().update([](State& state) { state.text = "theirs"; }).has_value();
  }
  if (kind == 2) (void)disk.unlink(directory.get(), leaf);
  if (kind >= 3 && kind <= 6) {
    if (!disk.stat_at(directory.get(), leaf)) return false;
    if (disk.unlink(directory.get(), leaf)) {
      disk.put("d/" + leaf, kind == 3 ? R"({"count": 7})" : stamped_file(input));
    }
  }
  return false;
}

/// The state in the file, if it is one.
std::optional<State> on_disk(SimulatedFileSystem& disk) {
  const auto content = disk.content("d/" + leaf_of(disk));
  if (!content) return std::nullopt;
  auto read = Json<State>{}.deserialize_stamped(as_bytes(*content));
  return read ? std::optional(std::move(read.value().value)) : std::nullopt;
}

/// A save that failed: as if it had not been tried. A state that is newer than a copy in its place
/// may have been set aside.
void check_refused(const SimulatedFileSystem& disk, const Files& files, const Tracker& tracker,
                   const Error& error) {
  require(error.fate == Fate::unchanged, "a save that is refused changes nothing");
  if (tracker.report().origin == Origin::replaced) return check_kept(files, disk, true);
  for (const auto& [content, path] : files) {
    require(disk.content(path) == content, "a save that is refused touches no file");
  }
}

void check_saves(InputBytes& input, SimulatedFileSystem& disk, const TrackerOptions& options,
                 Tracker& tracker) {
  const State before = *tracker.state();
  const bool theirs = meddle(input, disk, options);
  const std::uint64_t highest = highest_number(disk, tracker);
  const Files files = files_of(disk);
  const auto saved = tracker.update([](State& state) { state.count = 1234; });
  if (!saved) {
    const State now = *tracker.state();
    require(now == before || now == on_disk(disk), "memory is never ahead of the disk");
    return check_refused(disk, files, tracker, saved.error());
  }
  require(tracker.generation() > highest, "a number is never used again");
  require(tracker.state()->count == 1234, "memory has what was saved");
  if (theirs) require(tracker.state()->text == "theirs", "what another saved is taken over");
  if (options.lock == TrackerLock::exclusive) return;
  const auto again = Tracker::open("/d/state", options);
  require_done(again, "what was saved can be opened");
  require(again.value().report().origin == Origin::current &&
              again.value().generation() == tracker.generation() &&
              *again.value().state() == *tracker.state(),
          "what was saved is there");
  require(tracker.reload().has_value() && *again.value().state() == *tracker.state(),
          "a reload changes nothing");
}

void check_restore(InputBytes& input, SimulatedFileSystem& disk, const TrackerOptions& options,
                   Tracker& tracker, const StateHistory& history) {
  const std::uint64_t none = input.below(8);
  const bool there = !history.previous.empty();
  const std::uint64_t chosen = there && none != 1 ? input.one_of(history.previous) : none;
  (void)meddle(input, disk, options);
  const std::uint64_t highest = highest_number(disk, tracker);
  const Files files = files_of(disk);
  const auto restored = tracker.restore(chosen);
  if (!restored) return check_refused(disk, files, tracker, restored.error());
  require(tracker.generation() > highest, "what is restored gets a number of its own");
}

void check_open(InputBytes& input, SimulatedFileSystem& disk, const TrackerOptions& options) {
  const Files before = files_of(disk);
  auto tracker = Tracker::open("/d/state", options);
  if (!tracker) {
    check_kept(before, disk, options.damage == DamagePolicy::set_aside);
    return;
  }
  const OpenReport report = tracker.value().report();
  check_kept(before, disk, !report.reason.empty());
  require((report.origin == Origin::current) || !report.reason.empty(),
          "what is not the current state has a reason");
  if (!report.set_aside.empty()) {
    require(options.damage == DamagePolicy::set_aside, "only that policy sets aside");
  }
  if (report.origin == Origin::defaults) {
    require(*tracker.value().state() == State{}, "defaults are the defaults");
  }
  check_saves(input, disk, options, tracker.value());
  const auto history = tracker.value().history();
  if (history) check_restore(input, disk, options, tracker.value(), history.value());
  if (input.flag()) (void)meddle(input, disk, options);
  (void)tracker.value().reload();
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure::fuzz;
  InputBytes input(data, size);
  perdure::testing::SimulatedFileSystem disk;
  perdure::testing::ManualEnvironment environment(7);
  const auto options = options_of(input, disk, environment);
  disk.make_directories("d");
  for (std::size_t files = input.below(6); files > 0; --files) put_file(input, disk, environment);
  disk.sync_all();
  check_open(input, disk, options);
  require(disk.handles_open() == 0, "nothing is left open");
  return 0;
}
