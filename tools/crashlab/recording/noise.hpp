// SPDX-License-Identifier: BSL-1.0
// Unrelated commits of the file system's journal, forced while the workload stands still.
#pragma once

#include <cstdint>
#include <string>

#include "host/mounted_disk.hpp"
#include "host/posix.hpp"

namespace crashlab {

enum class NoiseKind : std::uint8_t { none, log, commit, mixed };

/// Throws Failure for other names.
NoiseKind noise_kind(const std::string& name);

/// Loads a file system as a busy machine does, while the workload is between two of its calls. All
/// of it happens in `directory`; if it can't be made, that is a Failure.
///
/// `log` is the fsync of a new directory. It commits the journal of ext4 and xfs, writes a log tree
/// on btrfs, and writes no file's data. `commit` is a whole commit: on btrfs a transaction
/// (BTRFS_IOC_START_SYNC, which starts no delayed data), elsewhere the fsync of a file.
class Noise {
 public:
  Noise(NoiseKind kind, FsKind file_system, std::string directory, std::uint64_t seed);

  /// Before recording: makes the file that `commit` needs.
  void prepare();
  /// Makes one step of noise; returns whether anything was done (a mixed one has quiet steps).
  bool step();
  /// Makes an unrelated sync on a disk that died. True if the sync got the journal's error; false
  /// if it returned success.
  bool is_told();

 private:
  void log();
  void commit();

  NoiseKind kind_;
  FsKind file_system_;
  std::string directory_;
  std::uint64_t random_;
  std::uint64_t count_ = 0;
};

}  // namespace crashlab
