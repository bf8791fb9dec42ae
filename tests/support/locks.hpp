// SPDX-License-Identifier: BSL-1.0
// Which locks are taken, and in which order.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure::test {

/// Watches the locks of files. A lock is known by its file, whatever its path is.
class WatchedLocks : public ForwardingFileSystem {
 public:
  using Lock = std::pair<std::uint64_t, std::uint64_t>;  // device and inode of the lock file

  explicit WatchedLocks(FileSystem& below = native_file_system()) : ForwardingFileSystem(below) {}
  SysResult<void> try_lock(Handle file, LockMode mode) override {
    const Version version = stat(file).value().version;
    tried.emplace_back(version.device, version.inode);
    const auto taken = ForwardingFileSystem::try_lock(file, mode);
    if (taken && behind_first) std::exchange(behind_first, {})();
    return taken;
  }
  [[nodiscard]] System system() { return {.files = this, .environment = &native_environment()}; }

  std::vector<Lock> tried;             ///< In their order, also those that others held.
  std::function<void()> behind_first;  ///< Called once, while the first lock is held.
};

}  // namespace perdure::test
