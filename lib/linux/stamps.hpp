// SPDX-License-Identifier: BSL-1.0
// How the kernel stamps changes of files.
#pragma once

#include <perdure/system/file_system.hpp>

namespace perdure {

/// As FileSystem::stamps, for a file found through `fd`. Where the kernel numbers mounts for good
/// (since Linux 6.8), it asks fstatfs(2), and maybe /proc/self/mountinfo, once for each mount. On
/// older kernels it asks fstatfs(2) each time, except for block devices.
Stamps stamps_native(int fd, const Status& status);

}  // namespace perdure
