// SPDX-License-Identifier: BSL-1.0
// Unlinks a name that may be gone already.
#pragma once

#include <string>

#include <perdure/system/file_system.hpp>

#include "base/missing.hpp"

namespace perdure {

/// unlink(2), which succeeds also where the name does not exist.
inline SysResult<void> unlink_if_there(FileSystem& files, Handle directory,
                                       const std::string& name) {
  auto removed = files.unlink(directory, name);
  if (removed || is_missing(removed.error())) return success();
  return removed;
}

}  // namespace perdure
