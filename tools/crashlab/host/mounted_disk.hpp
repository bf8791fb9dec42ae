// SPDX-License-Identifier: BSL-1.0
// The file systems that the laboratory knows: how each is made, mounted and examined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/child.hpp"

namespace crashlab {

enum class FsKind : std::uint8_t { ext4, xfs, btrfs };

const char* name_of(FsKind kind);
/// The smallest size at which its mkfs works without more ado, bytes.
std::uint64_t default_size(FsKind kind);
/// Throws Failure for other names.
FsKind fs_kind(const std::string& name);

/// One disk and the place where it is mounted.
class FileSystem {
 public:
  /// `options` are mount(8)'s, comma-separated.
  FileSystem(FsKind kind, std::string device, std::string mount_point, const std::string& options);
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  const std::string& mount_point() const { return mount_point_; }

  /// Runs mkfs; `options` are words for it. Throws Failure with mkfs's own words.
  void make(const std::string& options, const Tick& tick);

  /// Returns 0, or errno: a file system that a crash left may well refuse.
  int mount();
  /// Retries for a while when it is busy; then throws Failure.
  void unmount();
  bool mounted() const { return mounted_; }

  /// Examines the unmounted disk without changing it.
  Outcome check(const Tick& tick) const;

 private:
  FsKind kind_;
  std::string device_;
  std::string mount_point_;
  unsigned long flags_ = 0;
  std::string options_;
  bool mounted_ = false;
};

}  // namespace crashlab
