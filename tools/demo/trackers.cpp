// SPDX-License-Identifier: BSL-1.0
// Saves a state by a StateTracker, and by a plain write.
#include "trackers.hpp"

#include <array>
#include <optional>

#include <perdure/files.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/forwarding_file_system.hpp>

namespace perdure::demo {

namespace {

/// The state of both programs: the number of the save, and enough data that a loss shows.
struct Journal {
  std::uint64_t number = 0;
  std::vector<std::string> entries;
};
BOOST_DESCRIBE_STRUCT(Journal, (), (number, entries))

Journal journal(std::uint64_t number, std::size_t size) {
  constexpr std::size_t entry_size = 96;
  Journal made{.number = number, .entries = {}};
  const std::string text = "entry of save " + std::to_string(number) + " ";
  for (std::size_t at = 0; at < size; at += entry_size + 8) {
    std::string entry = text;
    entry.resize(entry_size, '.');
    made.entries.push_back(std::move(entry));
  }
  return made;
}

bool is_intact(const Journal& found, std::size_t size) {
  return found.entries == journal(found.number, size).entries;
}

constexpr std::array<std::string_view, 4> naive_stages = {"between saves", "open and truncate",
                                                          "write", "close"};

Result<void> run_naive(const std::string& path, std::size_t size, std::uint64_t first,
                       std::uint64_t end, Progress& progress) {
  for (std::uint64_t number = first; number != end; ++number) {
    Buffer bytes;
    BufferSink sink(bytes);
    BOOST_OUTCOME_TRY(Json<Journal>{}.serialize(journal(number, size), sink));
    BOOST_OUTCOME_TRY(write_plainly(path, bytes, progress));
    progress.acknowledged = number;
  }
  return success();
}

Finding examine_naive(const std::string& path, std::size_t size) {
  const auto found = read_file(path);
  if (!found) return {Finding::Kind::missing, 0};
  const auto read = Json<Journal>{}.deserialize(found.value().bytes);
  if (!read || !is_intact(read.value(), size)) return {Finding::Kind::torn, 0};
  return {Finding::Kind::intact, read.value().number};
}

constexpr std::array<std::string_view, 9> tracker_stages = {
    "between saves", "lock",    "create temp", "write",          "sync file",
    "keep previous", "publish", "sync parent", "drop the oldest"};

/// Tells in which part of a save the tracker is, by its calls to the file system.
class Observed final : public ForwardingFileSystem {
 public:
  Observed(FileSystem& base, Progress& progress)
      : ForwardingFileSystem(base), progress_(progress) {}

  SysResult<Handle> open_lock(Handle directory, const std::string& name) override {
    progress_.stage = 1;
    return base().open_lock(directory, name);
  }
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    progress_.stage = 2;
    return base().create(directory, name, mode);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    progress_.stage = 3;
    return base().write_at(file, offset, bytes);
  }
  SysResult<void> sync_file(Handle file) override {
    progress_.stage = 4;
    return base().sync_file(file);
  }
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    progress_.stage = 5;
    return base().link(from_directory, from, to_directory, to);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    progress_.stage = 6;
    return base().rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> sync_directory(Handle directory) override {
    progress_.stage = 7;
    return base().sync_directory(directory);
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    progress_.stage = 8;
    return base().unlink(directory, name);
  }

 private:
  Progress& progress_;
};

Result<void> run_tracker(const std::string& path, std::size_t size, std::uint64_t first,
                         std::uint64_t end, Progress& progress) {
  Observed files(native_file_system(), progress);
  TrackerOptions options;
  options.system = {&files, &native_environment()};
  BOOST_OUTCOME_TRY(auto tracker, StateTracker<Journal>::open(path, options));
  progress.stage = 0;
  for (std::uint64_t number = first; number != end; ++number) {
    const Journal next = journal(number, size);
    BOOST_OUTCOME_TRY(tracker.update([&](Journal& state) { state = next; }));
    progress.stage = 0;
    progress.acknowledged = number;
  }
  return success();
}

Finding examine_tracker(const std::string& path, std::size_t size) {
  TrackerOptions options;
  options.damage = DamagePolicy::refuse;
  const auto tracker = StateTracker<Journal>::open(path, options);
  if (!tracker) return {Finding::Kind::torn, 0};
  if (tracker.value().report().origin != Origin::current) return {Finding::Kind::missing, 0};
  const auto state = tracker.value().state();
  if (!is_intact(*state, size)) return {Finding::Kind::torn, 0};
  return {Finding::Kind::intact, state->number};
}

}  // namespace

const Writer& naive_tracker() noexcept {
  static const Writer writer{"a naive tracker (JSON over the old one)", naive_stages, run_naive,
                             examine_naive};
  return writer;
}

const Writer& state_tracker() noexcept {
  static const Writer writer{"a StateTracker", tracker_stages, run_tracker, examine_tracker};
  return writer;
}

}  // namespace perdure::demo
