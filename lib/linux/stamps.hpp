// SPDX-License-Identifier: BSL-1.0
// How the kernel stamps changes of files.
#pragma once

#include <perdure/system/file_system.hpp>

namespace perdure {

/// As FileSystem::stamps, for a file found through `fd`. Once for each mount it asks fstatfs(2) and
/// maybe /proc/self/mountinfo, where the kernel numbers mounts for good (since Linux 6.8); on older
/// kernels fstatfs(2) each time, except for block devices.
Stamps stamps_native(int fd, const Status& status);

}  // namespace perdure
