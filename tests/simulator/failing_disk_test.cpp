// SPDX-License-Identifier: BSL-1.0
// A simulated disk that fails: who is told, what is lost, and what can't be read any more.
#include <array>
#include <cerrno>

#include <perdure/testing/explore.hpp>
#include <perdure/testing/oracle.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string fresh(5000, 'n');

Handle root_of(FileSystem& files) {
  return files.open_directory(Handle::working_directory, "/").value();
}

/// A new file whose name is durable, with content that is not.
Handle written(SimulatedFileSystem& disk) {
  const Handle file = disk.create(root_of(disk), "t", 0600).value();
  disk.sync_all();
  CHECK(disk.write_at(file, 0, as_bytes(fresh)));
  return file;
}

int error_of(const SysResult<void>& result) {
  return result ? 0 : result.error().value();
}

/// Replaces "f", and asks for what it wrote by a descriptor of its own, or by a second one.
Workload replacing(bool reopens) {
  Workload workload;
  workload.name = "replacing";
  workload.prepare = [](Session& session) {
    session.disk().put("f", "old");
    session.acknowledge(session.attempt("f", "old"));
  };
  workload.actors = {[reopens](Session& session) {
    FileSystem& files = session.files();
    const OwnedHandle root(files, root_of(files));
    const std::size_t attempt = session.attempt("f", fresh);
    const OwnedHandle file(files, files.create(root.get(), "t", 0600).value());
    bool good = !!files.write_at(file.get(), 0, as_bytes(fresh));
    if (reopens) {
      const OwnedHandle again(files, files.open_file(root.get(), "t").value());
      good = good && files.sync_file(again.get());
    } else {
      good = good && files.sync_file(file.get());
    }
    if (!good) return session.fail(attempt, Fate::unchanged);
    (void)files.rename(root.get(), "t", root.get(), "f", RenameMode::replace);
    if (files.sync_directory(root.get())) session.acknowledge(attempt);
  }};
  return workload;
}

}  // namespace

TEST_CASE(
    "a failed writeback is told once to each descriptor that was open, and the pages are lost") {
  SimulatedFileSystem disk;
  const Handle file = written(disk);
  const Handle other = disk.open_file(root_of(disk), "t").value();
  disk.fail_writeback();
  CHECK(error_of(disk.sync_file(file)) == EIO);
  CHECK(disk.sync_file(file));  // and this one promises nothing of them
  CHECK(error_of(disk.sync_file(other)) == EIO);
  disk.cut_power(Survivors::none);
  CHECK(disk.content("t") == "");
}

TEST_CASE("a descriptor that was opened after it hears nothing, since another program did") {
  SimulatedFileSystem disk;
  const Handle file = written(disk);
  disk.fail_writeback();
  const Handle later = disk.open_file(root_of(disk), "t").value();
  CHECK(disk.sync_file(later));
  CHECK(error_of(disk.await_writeback(file)) == EIO);
  CHECK(disk.sync_file(file));  // it was told by then
}

TEST_CASE("a sync of the file system tells what failed since its descriptor was opened") {
  SimulatedFileSystem disk;
  const Handle before = root_of(disk);
  written(disk);
  disk.fail_writeback();
  CHECK(error_of(disk.sync_file_system(before)) == EIO);
  CHECK(disk.sync_file_system(before));
  CHECK(disk.sync_file_system(root_of(disk)));
}

TEST_CASE("what is written after a failed writeback is synced like any other") {
  SimulatedFileSystem disk;
  const Handle file = written(disk);
  disk.fail_writeback();
  CHECK_FALSE(disk.sync_file(file));
  CHECK(disk.write_at(file, 0, as_bytes(fresh)));
  CHECK(disk.sync_file(file));
  disk.cut_power(Survivors::none);
  CHECK(disk.content("t") == fresh);
}

TEST_CASE("a spoiled block can't be read until it is written anew, and what lies before it can") {
  SimulatedFileSystem disk;
  disk.put("t", std::string(10000, 'x'));
  disk.spoil("t", 5000, 1);
  const Handle file = disk.open_lock(root_of(disk), "t").value();
  std::array<std::byte, 10000> out{};
  CHECK(disk.read_at(file, 0, out).value() == 4096);
  CHECK(disk.read_at(file, 4096, out).error().value() == EIO);
  CHECK(disk.read_at(file, 8191, out).error().value() == EIO);
  CHECK(disk.read_at(file, 8192, out).value() == 1808);
  disk.cut_power(Survivors::all);
  const Handle again = disk.open_lock(root_of(disk), "t").value();
  CHECK_FALSE(disk.read_at(again, 4096, out));
  CHECK(disk.write_at(again, 5000, as_bytes("new")));
  CHECK(disk.read_at(again, 0, out).value() == 10000);
}

TEST_CASE("in the worst case what was not synced may be unreadable, under ext4 not") {
  Workload workload;
  workload.name = "unsynced";
  workload.actors = {[](Session& session) { session.disk().put("f", fresh); }};
  const Oracle readable{"readable", [](Session& session) -> std::string {
                          FileSystem& files = session.files();
                          const OwnedHandle root(files, root_of(files));
                          const auto opened = files.open_file(root.get(), "f");
                          if (!opened) return {};
                          const OwnedHandle file(files, opened.value());
                          std::array<std::byte, 8192> out{};
                          for (const std::uint64_t at : {0U, 4096U}) {
                            if (!files.read_at(file.get(), at, out)) return "EIO";
                          }
                          return {};
                        }};
  ExploreOptions options;
  const Report report = explore(workload, {readable}, options);
  REQUIRE(report.violation);
  CHECK(report.violation->words == "EIO");
  CHECK(replay(workload, {readable}, report.violation->reproducer, options));
  options.preset = &presets::ext4;
  CHECK_FALSE(explore(workload, {readable}, options).violation);
}

TEST_CASE("who syncs by a descriptor that was opened later is found out, and who keeps it is not") {
  for (const Preset* preset : {&presets::worst, &presets::ext4, &presets::xfs, &presets::btrfs}) {
    INFO(preset->name);
    ExploreOptions options;
    options.preset = preset;
    options.depth = 0;
    const std::vector<Oracle> oracles{oracles::old_or_new(), oracles::acknowledged()};
    for (const bool reopens : {false, true}) {
      const Workload workload = replacing(reopens);
      options.faults.clear();
      CHECK_FALSE(explore(workload, oracles, options).violation);
      options.faults = all_faults(workload, *preset, 1);
      std::erase_if(options.faults, [](const auto& faults) { return !faults.front().elsewhere; });
      REQUIRE(options.faults.size() >= 5);
      const Report report = explore(workload, oracles, options);
      CHECK(report.violation.has_value() == reopens);
      if (!report.violation) continue;
      CHECK(report.violation->reproducer.find("elsewhere") != std::string::npos);
      CHECK(replay(workload, oracles, report.violation->reproducer, options));
    }
  }
}

}  // namespace perdure::test
