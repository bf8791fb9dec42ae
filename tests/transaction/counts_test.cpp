// SPDX-License-Identifier: BSL-1.0
// The cost of a transaction, in calls.
#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include <perdure/testing/faulty_file_system.hpp>

#include "support/disk.hpp"
#include "support/settled.hpp"
#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

struct Cost {
  std::uint64_t calls = 0;
  std::uint64_t file_syncs = 0;
  std::uint64_t directory_syncs = 0;
};

/// Replaces `files` files in each of `directories` directories, in a root that was used before.
Cost cost_of(std::uint64_t files, std::uint64_t directories) {
  const TempDirectory root("/dev/shm");
  const auto commit = [&](FileSystem& through_files) {
    auto transaction = Transaction::begin(root.path(), through(through_files));
    REQUIRE_OK(transaction);
    for (std::uint64_t d = 0; d < directories; ++d) {
      const std::string directory = "d" + std::to_string(d);
      REQUIRE_OK(transaction.value().make_directory(directory));
      for (std::uint64_t f = 0; f < files; ++f) {
        REQUIRE_OK(transaction.value().put(directory + "/f" + std::to_string(f), "content"));
      }
    }
    REQUIRE_OK(transaction.value().commit());
  };
  commit(native_file_system());
  settle_stamps(root.path());  // of files that changed within a tick, metadata is read again
  FaultyFileSystem counting(native_file_system());
  commit(counting);
  return {counting.calls(), counting.calls(Operation::sync_file),
          counting.calls(Operation::sync_directory)};
}

}  // namespace

TEST_CASE("beyond the staged files' own syncs the flushes grow with the directories, not the files",
          "[P20][budget]") {
  const Cost small = cost_of(10, 1);
  const Cost more_files = cost_of(50, 1);
  const Cost more_directories = cost_of(10, 5);
  CHECK(small.file_syncs == 10 + 1);  // and the journal
  CHECK(more_files.file_syncs == 50 + 1);
  // Staged names, the journal's name, the journal's end; each directory before and after.
  CHECK(small.directory_syncs == 3 + 2 * 1);
  CHECK(more_files.directory_syncs == 3 + 2 * 1);
  CHECK(more_directories.directory_syncs == 3 + 2 * 5);
}

TEST_CASE("the calls for each file are counted", "[P20][budget]") {
  const Cost few = cost_of(10, 1);
  const Cost many = cost_of(110, 1);
  CHECK(many.calls - few.calls == 100 * 14);
}

TEST_CASE("device flushes of a transaction, settling included, counted at the disk",
          "[P20][budget]") {
  for (const DiskKind& kind : {ext4_disk, xfs_disk}) {
    const Disk disk(kind);
    if (!disk.error().empty()) return skip(kind.name + ": " + disk.error());
    const auto flushes_of = [&](std::uint64_t files, std::uint64_t directories) {
      const auto root = disk.path() / std::to_string(files * 100 + directories);
      boost::filesystem::create_directory(root);
      std::uint64_t before = 0;
      for (int round = 0; round < 2; ++round) {  // the second replaces what the first made
        disk.sync();
        before = disk.flushes();
        auto transaction = Transaction::begin(root);
        REQUIRE_OK(transaction);
        for (std::uint64_t i = 0; i < files; ++i) {
          const std::string directory = "d" + std::to_string(i % directories);
          REQUIRE_OK(transaction.value().make_directory(directory));
          REQUIRE_OK(
              transaction.value().put(directory + "/" + std::to_string(i), std::string(4096, 'x')));
        }
        REQUIRE_OK(transaction.value().commit());
      }
      return disk.flushes() - before;
    };
    const auto few = flushes_of(20, 1);
    const auto many_files = flushes_of(120, 1);
    const auto many_directories = flushes_of(20, 10);
    CAPTURE(kind.name, few, many_files, many_directories);
    std::printf("%s: 20 files in one directory %" PRIu64 " flushes, 120 files %" PRIu64
                ", 20 files in ten directories %" PRIu64 "\n",
                kind.name.c_str(), few, many_files, many_directories);
    // A sync is at most two flushes: of the journal's body, and of its end.
    CHECK(few <= 2 * (20 + 1 + 5));
    CHECK(many_files <= few + 2 * 100);
    CHECK(many_directories <= few + 2 * 2 * 9);
  }
}

TEST_CASE("device flushes of a transaction of 1,000 files: fast at most 4, settling included",
          "[P20][budget]") {
  struct Row {
    DiskKind kind;
    Protocol protocol;
    std::uint64_t flushes_max;
  };
  for (const Row& row : {Row{ext4_disk, Protocol::fast, 4}, Row{xfs_disk, Protocol::fast, 4},
                         Row{btrfs_disk, Protocol::whole, 14}}) {
    const Disk disk(row.kind);
    if (!disk.error().empty()) return skip(row.kind.name + ": " + disk.error());
    TransactionOptions options;
    options.protocol = ProtocolChoice::automatic;
    // From the second round on each replaces what the first made. A file system that is slow to
    // write commits on its own in between, so that the smallest count is ours.
    std::uint64_t flushes = UINT64_MAX;
    for (int round = 0; round < 2 || (round < 6 && flushes > row.flushes_max); ++round) {
      disk.sync();
      const std::uint64_t before = disk.flushes();
      auto transaction = Transaction::begin(disk.path(), options);
      REQUIRE_OK(transaction);
      for (int i = 0; i < 1000; ++i) {
        const std::string directory = "d" + std::to_string(i % 10);
        REQUIRE_OK(transaction.value().make_directory(directory));
        REQUIRE_OK(
            transaction.value().put(directory + "/" + std::to_string(i), std::string(4096, 'x')));
      }
      const auto receipt = transaction.value().commit();
      REQUIRE_OK(receipt);
      CHECK(receipt.value().protocol == row.protocol);
      if (round > 0) flushes = std::min(flushes, disk.flushes() - before);
    }
    CAPTURE(row.kind.name, flushes);
    std::printf("%s: 1,000 files by automatic %" PRIu64 " flushes\n", row.kind.name.c_str(),
                flushes);
    CHECK(flushes <= row.flushes_max);
    CHECK(flushes >= 1);
  }
}

TEST_CASE("10,000 files in one transaction", "[P20][budget]") {
  const TempDirectory root("/dev/shm");
  constexpr std::uint64_t count = 10'000;
  const std::string content(4096, 'x');
  std::uint64_t told = 0;
  TransactionOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(done == ++told);
    CHECK(total == count);
  };
  auto transaction = Transaction::begin(root.path(), options);
  REQUIRE_OK(transaction);
  for (std::uint64_t i = 0; i < count; ++i) {
    REQUIRE_OK(transaction.value().put("f" + std::to_string(i), content));
  }
  REQUIRE_OK(transaction.value().commit());
  CHECK(told == count);
  CHECK(tree_of(root.path()).size() == count);
  CHECK(private_of(root.path()).empty());
}
