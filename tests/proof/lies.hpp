// SPDX-License-Identifier: BSL-1.0
// File systems that lie: what mutants put between the engine and the disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/explore.hpp>

namespace perdure::test {

struct Lying : ForwardingFileSystem {
  explicit Lying(testing::SimulatedFileSystem& below) : ForwardingFileSystem(below), disk(below) {}
  testing::SimulatedFileSystem& disk;  // NOLINT: for what lies beyond the seam
};

struct DeafToFiles final : Lying {
  using Lying::Lying;
  SysResult<void> sync_file(Handle /*file*/) override { return success(); }
};

struct NotAwaiting final : Lying {
  using Lying::Lying;
  SysResult<void> await_writeback(Handle /*file*/) override { return success(); }
};

struct ClaimsToBe : Lying {
  ClaimsToBe(testing::SimulatedFileSystem& below, std::string claimed)
      : Lying(below), type(std::move(claimed)) {}
  std::string type;
  SysResult<FileSystemInfo> describe(Handle directory) override {
    BOOST_OUTCOME_TRY(FileSystemInfo info, ForwardingFileSystem::describe(directory));
    info.type = type;
    return info;
  }
};

/// Every file system passes for one that the protocol `fast` holds on.
struct ClaimsToBeExt4 final : ClaimsToBe {
  explicit ClaimsToBeExt4(testing::SimulatedFileSystem& below) : ClaimsToBe(below, "ext4") {}
};

/// Every file system passes for one on which many files take the protocol `whole`.
struct ClaimsToBeBtrfs : ClaimsToBe {
  explicit ClaimsToBeBtrfs(testing::SimulatedFileSystem& below) : ClaimsToBe(below, "btrfs") {}
};

/// The same, and it does not hide that a rename is three steps on it.
struct ClaimsToBeSlowBtrfs final : ClaimsToBeBtrfs {
  using ClaimsToBeBtrfs::ClaimsToBeBtrfs;
  SysResult<FileSystemInfo> describe(Handle directory) override {
    BOOST_OUTCOME_TRY(FileSystemInfo info, ClaimsToBeBtrfs::describe(directory));
    info.journal = JournalPlace::none;
    return info;
  }
};

/// Of its two syncs one does nothing: the one before the names or the one behind them.
template <int number>
struct OneSyncOfAll final : ClaimsToBeBtrfs {
  using ClaimsToBeBtrfs::ClaimsToBeBtrfs;
  int calls = 0;
  SysResult<void> sync_file_system(Handle directory) override {
    return calls++ % 2 == number ? success() : ClaimsToBeBtrfs::sync_file_system(directory);
  }
};

struct DeafToDirectories final : Lying {
  using Lying::Lying;
  SysResult<void> sync_directory(Handle /*directory*/) override { return success(); }
};

/// The backup is made by moving the target away.
struct MovedBackup final : Lying {
  using Lying::Lying;
  SysResult<void> link(Handle from_directory, const std::string& from, Handle to_directory,
                       const std::string& to) override {
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to,
                                        RenameMode::no_replace);
  }
};

struct NoLocks final : Lying {
  using Lying::Lying;
  SysResult<void> try_lock(Handle /*file*/, LockMode /*mode*/) override { return success(); }
};

template <class T>
testing::Layer lying() {
  return [](testing::SimulatedFileSystem& disk) -> std::unique_ptr<FileSystem> {
    return std::make_unique<T>(disk);
  };
}

}  // namespace perdure::test
