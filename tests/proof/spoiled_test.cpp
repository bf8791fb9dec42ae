// SPDX-License-Identifier: BSL-1.0
// Files that the medium can't read any more, each in turn, beneath a tracked state and beneath a
// transaction that died at any call: nobody takes an older state for the newest, and no half of a
// transaction passes for the whole.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include <perdure/files.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>
#include <perdure/transaction.hpp>

#include "support/catch.hpp"

namespace perdure::test {

struct Count {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value))

namespace {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

TrackerOptions options_of(System system) {
  TrackerOptions options;
  options.system = system;
  options.previous_max = 2;
  return options;
}

/// Files with content, in sorted order.
std::vector<std::string> files_of(const SimulatedFileSystem& disk) {
  std::vector<std::string> files;
  for (const std::string& path : disk.paths()) {
    if (!disk.content(path).value_or("").empty()) files.push_back(path);
  }
  return files;
}

void count_to(System system, std::uint64_t last) {
  auto tracker = StateTracker<Count>::open("/d/state", options_of(system));
  REQUIRE(tracker);
  while (tracker.value().state()->value < last) {
    REQUIRE(tracker.value().update([](Count& count) { ++count.value; }));
  }
}

TransactionOptions by(System system) {
  TransactionOptions options;
  options.system = system;
  return options;
}

Result<void> transact(System system) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin("/d", by(system)));
  BOOST_OUTCOME_TRY(transaction.put("a", "new"));
  BOOST_OUTCOME_TRY(transaction.put("sub/b", "new"));
  BOOST_OUTCOME_TRY(transaction.commit());
  return success();
}

void prepare_root(SimulatedFileSystem& disk) {
  disk.put("d/a", "old");
  disk.put("d/sub/b", "old");
  disk.sync_all();
}

/// A root whose transaction died at call n. False if it made fewer calls.
bool died_at(SimulatedFileSystem& disk, std::uint64_t n, bool& acknowledged) {
  prepare_root(disk);
  ManualEnvironment environment(7);
  FaultyFileSystem dying(disk);
  dying.fail({.call = n, .error = EIO, .from_then_on = true, .count = {}});
  const auto done = transact({&dying, &environment});
  acknowledged = done || done.error().fate == Fate::committed;
  disk.kill();
  disk.sync_all();
  return dying.fired() > 0;
}

}  // namespace

TEST_CASE("a state that can't be read is an error, or an earlier one that says so", "[P14]") {
  std::size_t tried = 0;
  for (std::size_t file = 0;; ++file) {
    SimulatedFileSystem disk(presets::ext4);
    ManualEnvironment environment(7);
    disk.make_directories("d");
    count_to({&disk, &environment}, 4);
    disk.kill();
    const auto files = files_of(disk);
    if (file == files.size()) break;
    ++tried;
    const std::string& path = files[file];
    const std::string content = disk.content(path).value();
    INFO(path);
    disk.spoil(path, 0, 1);
    const auto tracker = StateTracker<Count>::open("/d/state", options_of({&disk, &environment}));
    if (tracker) {
      const bool current = tracker.value().report().origin == Origin::current;
      CHECK(current == (tracker.value().state()->value == 4));
      CHECK(current == (path != "d/state"));
    } else {
      CHECK(tracker.error().cause.value() == EIO);
    }
    bool kept = false;  // a better drive, or a laboratory, may still read it
    for (const std::string& now : files_of(disk)) kept = kept || disk.content(now) == content;
    CHECK(kept);
  }
  CHECK(tried >= 2);
}

TEST_CASE("a target that can't be read can be replaced, and reading it is an error", "[P2]") {
  SimulatedFileSystem disk(presets::ext4);
  ManualEnvironment environment(7);
  const System system{&disk, &environment};
  disk.put("d/t", "old");
  disk.spoil("d/t", 0, 1);
  const auto read = read_file("/d/t", 100, system);
  REQUIRE_FALSE(read);
  CHECK(read.error().cause.value() == EIO);
  REQUIRE(write_file("/d/t", "new", {}, system));
  CHECK(as_text(read_file("/d/t", 100, system).value().bytes) == "new");
}

TEST_CASE("a transaction that died is recovered or refused whole, whatever file can't be read",
          "[P11]") {
  std::size_t refused = 0;
  std::size_t finished = 0;
  for (std::uint64_t n = 1;; ++n) {
    bool acknowledged = false;
    std::vector<std::string> files;
    {
      SimulatedFileSystem disk(presets::ext4);
      if (!died_at(disk, n, acknowledged)) break;
      files = files_of(disk);
    }
    for (const std::string& path : files) {
      SimulatedFileSystem disk(presets::ext4);
      died_at(disk, n, acknowledged);
      INFO("died at call " << n << ", then can't read " << path);
      disk.spoil(path, 0, 1);
      ManualEnvironment environment(7);
      const auto done = recover("/d", by({&disk, &environment}));
      const std::string a = disk.content("d/a").value_or("(none)");
      const std::string b = disk.content("d/sub/b").value_or("(none)");
      CHECK((a == "old" || a == "new"));
      CHECK((b == "old" || b == "new"));
      if (!done) {
        ++refused;
        continue;
      }
      ++finished;
      CHECK(a == b);
      if (acknowledged) CHECK(a == "new");
    }
  }
  CHECK(refused > 0);
  CHECK(finished > 0);
}

}  // namespace perdure::test
