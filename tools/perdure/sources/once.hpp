// SPDX-License-Identifier: BSL-1.0
// A file system that resolves each path once.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include <perdure/system/file_system.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure::cli {

/// The system's files, for a command that gives the library the same path several times. The first
/// call opens the directory; later calls find the same one, even if the path leads elsewhere by
/// then. So a user who may rename on the way can't lead two parts of a command to different places.
/// Safe to use from several threads.
class OnceResolved final : public ForwardingFileSystem {
 public:
  OnceResolved() : ForwardingFileSystem(native_file_system()) {}

  SysResult<Handle> open_directory(Handle from, const std::string& path) override;
  /// From now on `path` is this directory. The handle stays the caller's, and is not kept.
  SysResult<void> resolve(const std::string& path, Handle directory);

  /// Must not outlive this.
  [[nodiscard]] System system() noexcept { return {this, &native_environment()}; }

 private:
  std::mutex mutex_;
  std::map<std::string, OwnedHandle> opened_;
};

}  // namespace perdure::cli
