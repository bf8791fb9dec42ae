// SPDX-License-Identifier: BSL-1.0
// The scripts of `crashlab explore-calls`, and the judgement of what was left of them.
#include <algorithm>
#include <set>

#include <perdure/testing/simulated_file_system.hpp>

#include "calls/comparison.hpp"
#include "calls/script.hpp"
#include "calls/tree.hpp"
#include "host/posix.hpp"
#include "support/catch.hpp"

using namespace crashlab;
using namespace crashlab::calls;
using perdure::testing::Preset;

namespace {

const std::string put_and_sync = "put new; sync file";
/// As ext4 left it, Linux 6.18: the new file has its size, and zeros.
const std::string zeros = "file=o10000;left/;left/file=o10000;new=010000;right/";

std::string judged(const Preset& preset, std::size_t calls, const std::string& outcome) {
  return Comparison(Rules{&preset, Crash::power_cut}).judge(put_and_sync, calls, outcome);
}

}  // namespace

TEST_CASE("all rows of one call and its sync are made, each once, and known by their names") {
  const std::vector<std::string> one = sequences(1);
  CHECK(std::set<std::string>(one.begin(), one.end()).size() == one.size());
  for (const char* const name :
       {"put new; sync left", "append file; await file", "rename left sub; sync sub/file",
        "unlink file; sync root", "exchange left right; sync right/file",
        "chmod left; sync everything"}) {
    INFO(name);
    CHECK(std::ranges::count(one, name) == 1);
  }
  CHECK(std::ranges::count(one, "append new; sync new") == 0);  // nothing is there to append to
  for (const std::string& name : one) CHECK(script_named(name).name == name);
  for (const char* const wrong : {"put", "put new left", "sink new", "put new;sync new", ""}) {
    CHECK_THROWS_AS(script_named(wrong), Failure);
  }
}

TEST_CASE("rows of two calls have those that one call makes possible") {
  const std::vector<std::string> two = sequences(2);
  const auto has = [&](const char* name) { return std::ranges::count(two, name) == 1; };
  CHECK(has("put new; append new; sync new"));
  CHECK(has("put new; sync root; rename new file; sync file"));
  CHECK_FALSE(has("unlink file; append file; sync root"));
}

TEST_CASE("a tree's words tell links, modes and attributes") {
  perdure::testing::SimulatedFileSystem disk;
  for (const auto& [path, content] : prepared()) {
    path.ends_with('/') ? disk.make_directories(path) : disk.put(path, content);
  }
  const perdure::OwnedHandle root(
      disk, value_of(disk.open_directory(perdure::Handle::working_directory, "/")));
  for (const char* const name : {"link file new", "chmod file", "set-attribute left/file",
                                 "append-little file", "unlink file", "mkdir sub", "chmod sub"}) {
    script_named(name).run(disk, root.get(), [] {});
  }
  CHECK(look(disk, root.get()) ==
        "left/;left/file[user.laboratory=x]=o10000;new[600]=o10000,m100;right/;sub[600]/");
}

TEST_CASE("a preset that is too strong is caught, and one that is not is not", "[P2]") {
  using perdure::testing::presets::ext4;
  CHECK(judged(ext4, 2, zeros).empty());
  Preset strong = ext4;
  strong.sizes = Preset::Sizes::prefix;
  strong.zeros = false;
  CHECK(judged(strong, 2, zeros).find("which ext4 does not allow") != std::string::npos);
  // A name that was promised and is gone.
  const std::string before = "file=o10000;left/;left/file=o10000;right/";
  CHECK(judged(ext4, 0, before).empty());
  CHECK(judged(ext4, 2, before).empty());  // the sync of another file promises nothing
  Comparison ours(Rules{&ext4, Crash::power_cut});
  CHECK_FALSE(ours.judge("put new; sync root", 2, before).empty());
}

TEST_CASE("an outcome that is not allowed is told once for each place, and counted") {
  Comparison comparison(Rules{&perdure::testing::presets::worst, Crash::kill});
  CHECK_FALSE(comparison.judge(put_and_sync, 1, zeros).empty());
  CHECK(comparison.judge(put_and_sync, 1, zeros).empty());
  CHECK_FALSE(comparison.judge(put_and_sync, 2, zeros).empty());
  CHECK(comparison.tally().scripts == 1);
  CHECK(comparison.tally().outcomes_seen == 2);
  CHECK_THROWS_AS(comparison.judge(put_and_sync, 9, zeros), Failure);
}

TEST_CASE("a file system is held to the preset of its mount options") {
  CHECK(rules_for("ext4", "") == "ext4");
  CHECK(rules_for("ext4", "noatime,data=journal") == "ext4_journal");
  CHECK(rules_for("btrfs", "") == "btrfs");
  CHECK(rules_for("f2fs", "") == "worst");
  CHECK_THROWS_AS(rules_named("ext5"), Failure);
}
