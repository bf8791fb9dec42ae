// SPDX-License-Identifier: BSL-1.0
// Keeps the directories that paths led to.
#include "sources/once.hpp"

namespace perdure::cli {

SysResult<Handle> OnceResolved::open_directory(Handle from, const std::string& path) {
  if (from != Handle::working_directory) return ForwardingFileSystem::open_directory(from, path);
  const std::lock_guard guard(mutex_);
  auto found = opened_.find(path);
  if (found == opened_.end()) {
    BOOST_OUTCOME_TRY(const Handle opened, ForwardingFileSystem::open_directory(from, path));
    found = opened_.emplace(path, OwnedHandle(native_file_system(), opened)).first;
  }
  return ForwardingFileSystem::open_directory(found->second.get(), ".");
}

SysResult<void> OnceResolved::resolve(const std::string& path, Handle directory) {
  BOOST_OUTCOME_TRY(const Handle opened, ForwardingFileSystem::open_directory(directory, "."));
  const std::lock_guard guard(mutex_);
  opened_.insert_or_assign(path, OwnedHandle(native_file_system(), opened));
  return success();
}

}  // namespace perdure::cli
