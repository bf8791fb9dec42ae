// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <string>

#include <perdure/environment.hpp>
#include <perdure/file_system.hpp>

namespace perdure {

/// Takes the lock of the target `leaf` in `directory`, through its lock file: 0600, made when it
/// is missing, never unlinked by us. It excludes threads as well as processes, since each taker
/// opens the file anew and flock(2) belongs to the open file. Released by closing the handle.
///
/// ETIMEDOUT when it was not to be had for `timeout_ms` (0 tries once, `max()` waits forever);
/// ENOTSUP when the file of the lock's name is not a regular file.
SysResult<OwnedHandle> take_lock(FileSystem& files, Environment& environment, Handle directory,
                                 const std::string& leaf, LockMode mode,
                                 std::chrono::milliseconds timeout_ms);

}  // namespace perdure
