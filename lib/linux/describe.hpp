// SPDX-License-Identifier: BSL-1.0
// Finds out the file system of a directory.
#pragma once

#include <perdure/system/file_system.hpp>

namespace perdure {

/// The file system of the directory `fd`: from fstatfs(2), /proc/self/mountinfo, and, for facts
/// that mountinfo does not have, /proc/fs/ext4, /proc/fs/jbd2 and ioctl(2).
SysResult<FileSystemInfo> describe_native(int fd);

}  // namespace perdure
