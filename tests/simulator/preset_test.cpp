// SPDX-License-Identifier: BSL-1.0
// Each rule of each preset, shown on the smallest program that can tell.
#include <array>
#include <functional>
#include <map>
#include <set>

#include <perdure/testing/explore.hpp>

#include "support/catch.hpp"
#include "support/result.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

const std::string full = std::string(4096, 'n') + std::string(904, 'm');

/// Every outcome that a power cut at the end of `act` can have, in words.
std::set<std::string> outcomes(const Preset& preset, const std::function<void(FileSystem&)>& act,
                               const std::function<std::string(SimulatedFileSystem&)>& look) {
  std::set<std::string> found;
  Workload workload;
  workload.name = "rule";
  workload.prepare = [](Session& session) { session.disk().put("old", "old"); };
  workload.actors = {[&](Session& session) { act(session.files()); }};
  ExploreOptions options;
  options.preset = &preset;
  options.depth = 0;
  options.kills = false;
  options.threads = 1;
  const Oracle oracle{"look", [&](Session& session) -> std::string {
                        // The workload's end is the only point at which "end" was attempted.
                        if (session.history().size() > 1) found.insert(look(session.disk()));
                        return {};
                      }};
  const auto inner = workload.actors.front();
  workload.actors.front() = [&](Session& session) {
    inner(session);
    session.attempt("end", std::nullopt);
  };
  (void)explore(workload, {oracle}, options);
  return found;
}

Handle root_of(FileSystem& files) {
  return files.open_directory(Handle::working_directory, "/").value();
}

std::string there(SimulatedFileSystem& disk, const std::string& path) {
  return disk.content(path) ? path : "";
}

}  // namespace

TEST_CASE("presets are found by name and say where their rules come from") {
  CHECK(all_presets().size() == 6);
  for (const Preset* preset : all_presets()) {
    CHECK(find_preset(preset->name) == preset);
    CHECK_FALSE(preset->rules.empty());
    for (const Preset::Rule& rule : preset->rules) {
      CHECK_FALSE(rule.statement.empty());
      CHECK_FALSE(rule.source.empty());
    }
  }
  CHECK(find_preset("ext2") == nullptr);
}

TEST_CASE("entries survive in any combination, or as a prefix") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    (void)files.create(root, "a", 0600);
    (void)files.create(root, "b", 0600);
  };
  const auto look = [](SimulatedFileSystem& disk) { return there(disk, "a") + there(disk, "b"); };
  CHECK(outcomes(presets::worst, act, look) == std::set<std::string>{"", "a", "b", "ab"});
  for (const Preset* preset :
       {&presets::ext4, &presets::ext4_journal, &presets::xfs, &presets::btrfs}) {
    CHECK(outcomes(*preset, act, look) == std::set<std::string>{"", "a", "ab"});
  }
}

TEST_CASE("a sync of the directory keeps its entries, under every preset") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    (void)files.create(root, "a", 0600);
    (void)files.sync_directory(root);
    (void)files.create(root, "b", 0600);
  };
  const auto look = [](SimulatedFileSystem& disk) { return there(disk, "a") + there(disk, "b"); };
  for (const Preset* preset : all_presets()) {
    CHECK(outcomes(*preset, act, look) == std::set<std::string>{"a", "ab"});
  }
}

TEST_CASE("a rename is atomic, except under split_rename") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    (void)files.rename(root, "old", root, "new", RenameMode::replace);
  };
  const auto look = [](SimulatedFileSystem& disk) {
    return there(disk, "old") + there(disk, "new");
  };
  for (const Preset* preset : all_presets()) {
    std::set<std::string> expected{"old", "new"};
    if (preset->split_rename) expected.insert({"", "oldnew"});
    CHECK(outcomes(*preset, act, look) == expected);
  }
}

TEST_CASE("what a sync of a file does for its rename") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    const Handle file = files.open_file(root, "old").value();
    (void)files.rename(root, "old", root, "new", RenameMode::replace);
    (void)files.sync_file(file);
  };
  const auto look = [](SimulatedFileSystem& disk) {
    return there(disk, "old") + there(disk, "new");
  };
  const std::set<std::string> kept{"new"};
  const std::set<std::string> open{"old", "new"};
  CHECK(outcomes(presets::worst, act, look) == open);
  CHECK(outcomes(presets::ext4, act, look) == kept);
  CHECK(outcomes(presets::ext4_journal, act, look) == kept);
  CHECK(outcomes(presets::xfs, act, look) == kept);
  CHECK(outcomes(presets::btrfs, act, look) == open);  // not after an unrelated log commit
}

/// A durable file of two blocks, and a handle for writes past the cache.
Handle two_blocks(FileSystem& files) {
  const Handle root = root_of(files);
  const Handle file = files.create(root, "f", 0600).value();
  (void)files.write_at(file, 0, as_bytes(std::string(8192, 'a')));
  (void)files.sync_file(file);
  (void)files.sync_directory(root);
  return files.open_direct(root, "f").value();
}

/// Blocks in memory as direct writes want it.
template <std::size_t count>
Bytes blocks_of(char letter) {
  alignas(4096) static std::array<std::byte, count * 4096> bytes;
  bytes.fill(static_cast<std::byte>(letter));
  return bytes;
}

/// The letters in which the two blocks end.
std::string ends_of(const std::optional<std::string>& content) {
  if (!content || content->size() != 8192) return "another size";
  return {(*content)[4095], content->back()};
}

TEST_CASE("a write past the cache is durable, and nothing before it is") {
  const auto act = [](FileSystem& files) {
    const Handle direct = two_blocks(files);
    const Handle cached = files.open_lock(root_of(files), "f").value();
    (void)files.write_at(cached, 0, as_bytes(std::string(4096, 'b')));
    REQUIRE_OK(files.write_through(direct, 4096, blocks_of<1>('c')));
  };
  const auto look = [](SimulatedFileSystem& disk) { return ends_of(disk.content("f")); };
  for (const Preset* preset : all_presets()) {
    CAPTURE(preset->name);
    const auto found = outcomes(*preset, act, look);
    CHECK(found.contains("ac"));
    CHECK(found.contains("bc"));
    for (const std::string& ends : found) CHECK(ends.back() == 'c');
  }
}

TEST_CASE("a write past the cache that a power cut meets may be torn") {
  std::set<std::string> found;
  Workload workload;
  workload.name = "torn";
  workload.prepare = [](Session& session) { (void)two_blocks(session.disk()); };
  workload.actors = {[](Session& session) {
    const Handle direct = session.files().open_direct(root_of(session.files()), "f").value();
    REQUIRE_OK(session.files().write_through(direct, 0, blocks_of<2>('b')));
  }};
  const Oracle look{"look", [&](Session& session) -> std::string {
                      found.insert(ends_of(session.disk().content("f")));
                      return {};
                    }};
  ExploreOptions options;
  options.preset = &presets::ext4;
  options.depth = 0;
  options.threads = 1;
  (void)explore(workload, {look}, options);
  for (const std::string ends : {"aa", "ab", "ba", "bb"}) CHECK(found.contains(ends));
}

TEST_CASE("a write past the cache is refused unless it is of whole blocks of the file") {
  SimulatedFileSystem disk;
  const Handle direct = two_blocks(disk);
  const Bytes block = blocks_of<1>('b');
  for (const std::uint64_t offset : {std::uint64_t{1}, std::uint64_t{8192}}) {
    CHECK(disk.write_through(direct, offset, block).error() == std::errc::invalid_argument);
  }
  CHECK(disk.write_through(direct, 0, block.first(512)).error() == std::errc::invalid_argument);
  const Bytes shifted = blocks_of<2>('b').subspan(512, 4096);
  CHECK(disk.write_through(direct, 0, shifted).error() == std::errc::invalid_argument);
  CHECK(ends_of(disk.content("f")) == "aa");
}

TEST_CASE("how content that was not synced is found under a name that is") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    const Handle file = files.create(root, "f", 0600).value();
    (void)files.sync_directory(root);
    (void)files.write_at(file, 0, as_bytes(full));
  };
  const auto look = [](SimulatedFileSystem& disk) -> std::string {
    const std::string found = disk.content("f").value();
    if (found == full) return "new";
    if (found.empty()) return "empty";
    if (full.starts_with(found)) return "short";
    if (found.find_first_not_of('\0') == std::string::npos) {
      return found.size() == full.size() ? "zeros" : "short zeros";
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i] != '\0' && found[i] != full[i]) return "garbage";
    }
    return "holes";
  };
  CHECK(outcomes(presets::worst, act, look) ==
        std::set<std::string>{"new", "empty", "short", "zeros", "short zeros", "holes", "garbage"});
  CHECK(outcomes(presets::ext4, act, look) ==
        std::set<std::string>{"new", "empty", "short", "zeros", "short zeros", "holes"});
  CHECK(outcomes(presets::xfs, act, look) ==
        std::set<std::string>{"new", "empty", "short", "holes"});
  CHECK(outcomes(presets::btrfs, act, look) == std::set<std::string>{"new", "empty", "short"});
  CHECK(outcomes(presets::ext4_journal, act, look) ==
        std::set<std::string>{"new", "empty", "short"});
}

TEST_CASE(
    "synced content is intact under every preset, awaited content where a journal orders it") {
  const auto look = [](SimulatedFileSystem& disk) -> std::string {
    const auto found = disk.content("f");
    return !found ? "missing" : *found == full ? "new" : "torn";
  };
  const auto writing = [](FileSystem& files, bool sync) {
    const Handle root = root_of(files);
    const Handle file = files.create(root, "t", 0600).value();
    (void)files.write_at(file, 0, as_bytes(full));
    if (sync) {
      (void)files.sync_file(file);
    } else {
      (void)files.await_writeback(file);
    }
    (void)files.rename(root, "t", root, "f", RenameMode::replace);
  };
  for (const Preset* preset : all_presets()) {
    INFO(preset->name);
    const std::set<std::string> good{"missing", "new"};
    CHECK(outcomes(
              *preset, [&](FileSystem& files) { writing(files, true); }, look) == good);
    const auto awaited = outcomes(
        *preset, [&](FileSystem& files) { writing(files, false); }, look);
    const bool ordered = preset->awaited_ordered || preset->content_ordered;
    CHECK((awaited == good) == ordered);
  }
}

// Seen on ext4, Linux 6.18: the size grew block by block while the writeback was awaited, and the
// power went before anything else did.
TEST_CASE("awaited content with nothing behind it is torn like any other") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    const Handle file = files.create(root, "f", 0600).value();
    (void)files.sync_directory(root);
    (void)files.write_at(file, 0, as_bytes(full));
    (void)files.await_writeback(file);
  };
  const auto look = [](SimulatedFileSystem& disk) -> std::string {
    return std::to_string(disk.content("f").value().size());
  };
  for (const Preset* preset : {&presets::ext4, &presets::xfs}) {
    CHECK(outcomes(*preset, act, look).contains("4096"));
  }
}

// A power cut before the await was never tried: what it orders could not be lost any more.
TEST_CASE("the power goes before writeback is awaited, too") {
  std::set<std::string> found;
  Workload workload;
  workload.name = "await";
  workload.prepare = [](Session& session) { session.disk().put("f", ""); };
  workload.actors = {[](Session& session) {
    FileSystem& files = session.files();
    const Handle root = root_of(files);
    const Handle file = files.create(root, "t", 0600).value();
    (void)files.sync_directory(root);
    (void)files.write_at(file, 0, as_bytes(full));
    session.acknowledge(session.attempt("told", std::nullopt));
    (void)files.await_writeback(file);
    (void)files.rename(root, "t", root, "f", RenameMode::replace);
    (void)files.sync_directory(root);
  }};
  ExploreOptions options;
  options.preset = &presets::xfs;
  options.depth = 0;
  options.kills = false;
  options.threads = 1;
  const Oracle oracle{"look", [&](Session& session) -> std::string {
                        const auto text = session.disk().content("t");
                        if (session.history().size() > 2 && text) {
                          found.insert(std::to_string(text->size()));
                        }
                        return {};
                      }};
  (void)explore(workload, {oracle}, options);
  CHECK(found.contains("4096"));
}

// Seen on btrfs, Linux 6.18: the log of the new directory says nothing of the old one.
TEST_CASE("a rename to another directory is found under both names on btrfs alone") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    (void)files.make_directory(root, "d", 0700);
    (void)files.sync_directory(root);
    const Handle directory = files.open_beneath(root, "d").value();
    (void)files.rename(root, "old", directory, "new", RenameMode::replace);
    (void)files.sync_directory(directory);
  };
  const auto look = [](SimulatedFileSystem& disk) {
    return there(disk, "old") + there(disk, "d/new");
  };
  const std::set<std::string> once{"d/new"};
  for (const Preset* preset : {&presets::ext4, &presets::ext4_journal, &presets::xfs}) {
    CHECK(outcomes(*preset, act, look) == once);
  }
  CHECK(outcomes(presets::btrfs, act, look) == std::set<std::string>{"d/new", "oldd/new"});
}

// Seen on btrfs, Linux 6.18: of what was written over, nothing had come to the disk.
TEST_CASE("what was written over may be as it was") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    const Handle file = files.create(root, "f", 0600).value();
    (void)files.write_at(file, 0, as_bytes(std::string(full.size(), 'b')));
    (void)files.sync_file(file);
    (void)files.sync_directory(root);
    (void)files.write_at(file, 0, as_bytes(full));
  };
  const auto look = [](SimulatedFileSystem& disk) {
    return disk.content("f").value().substr(0, 1);
  };
  for (const Preset* preset : all_presets()) {
    INFO(preset->name);
    CHECK(outcomes(*preset, act, look).contains("b"));
  }
}

// Found by `crashlab explore-calls` on xfs, Linux 6.18: another program's sync had written the log
// in between, so syncfs(2) had nothing to log, and sent no flush.
TEST_CASE("a sync of everything leaves what was written over in the disk's cache on xfs alone") {
  const auto act = [](FileSystem& files) {
    const Handle root = root_of(files);
    const Handle file = files.create(root, "f", 0600).value();
    (void)files.write_at(file, 0, as_bytes(std::string(full.size(), 'b')));
    (void)files.sync_file_system(root);
    (void)files.write_at(file, 0, as_bytes(full));
    (void)files.write_at(file, full.size(), as_bytes("more"));
    (void)files.sync_file_system(root);
  };
  const auto look = [](SimulatedFileSystem& disk) {
    const std::string text = disk.content("f").value();
    return text.substr(0, 1) + text.substr(full.size());
  };
  for (const Preset* preset : all_presets()) {
    INFO(preset->name);
    const auto found = outcomes(*preset, act, look);
    CHECK(found.contains("nmore"));
    CHECK(found.contains("bmore") == (preset == &presets::xfs));
    CHECK(found.size() == (preset == &presets::xfs ? 2U : 1U));
  }
}

TEST_CASE("a sync that failed is lost for good") {
  for (const Preset* preset : all_presets()) {
    INFO(preset->name);
    SimulatedFileSystem disk(*preset);
    const Handle root = root_of(disk);
    const Handle file = disk.create(root, "f", 0600).value();
    CHECK(disk.write_at(file, 0, as_bytes(full)));
    disk.lose_sync(file);
    CHECK(disk.sync_file(file));  // "succeeds"
    CHECK(disk.sync_directory(root));
    disk.cut_power(Survivors::none);
    if (preset->content_ordered) continue;  // its journal has the content, and writes it later
    CHECK(disk.content("f") != full);
  }
}

}  // namespace perdure::test
