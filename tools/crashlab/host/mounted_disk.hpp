// SPDX-License-Identifier: BSL-1.0
// The file systems of the laboratory: how each is made, mounted and examined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/child.hpp"
#include "host/layer.hpp"

namespace crashlab {

enum class FsKind : std::uint8_t { ext2, ext3, ext4, xfs, btrfs, f2fs, jfs, vfat };

const char* name_of(FsKind kind);
/// All names, for help and messages.
std::vector<std::string> fs_names();
/// The smallest size at which its mkfs works without further options, bytes.
std::uint64_t default_size(FsKind kind);
/// Throws Failure for other names.
FsKind fs_kind(const std::string& name);

/// One disk and the place where it is mounted.
///
/// Some file systems have no journal, or one that mount(2) does not replay: ext2, jfs, vfat. After
/// a crash theirs is repaired before it is mounted, as a boot does it (fstab(5), the sixth field).
class FileSystem {
 public:
  /// `options` are mount(8)'s, comma-separated. The layer upon the file system is mounted with it.
  FileSystem(FsKind kind, Layer layer, std::string device, std::string mount_point,
             const std::string& options);
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  const std::string& mount_point() const { return mount_point_; }
  /// The mount point of the file system itself, with a layer upon it or without.
  const std::string& below() const { return below_; }
  /// From now on the same disk is reached by another device.
  void move_to(std::string device) { device_ = std::move(device); }

  /// Runs mkfs; `options` are words for it. Throws Failure with mkfs's own words.
  void make(const std::string& options, const Tick& tick);

  /// Mounts the disk. The outcome says why it can't be mounted: a file system may refuse the state
  /// after a crash. Throws Failure where the machine is the cause.
  Outcome mount();
  /// Repairs the state after a crash, where the file system has a program for that. Any Outcome but
  /// good: it can't be repaired.
  Outcome repair(const Tick& tick) const;
  /// Retries for a while when it is busy; then throws Failure.
  void unmount();
  bool mounted() const { return mounted_; }

  /// Examines the unmounted disk without changing it.
  Outcome check(const Tick& tick) const;

 private:
  void unmount_one(const std::string& at);
  Outcome examine(std::vector<std::string> words, const Tick& tick) const;

  FsKind kind_;
  Layer layer_;
  std::string device_;
  std::string mount_point_;
  std::string below_;  // where the file system is if something lies upon it
  unsigned long flags_ = 0;
  std::string options_;
  bool mounted_ = false;
};

}  // namespace crashlab
