// SPDX-License-Identifier: BSL-1.0
// Extended attributes by system calls.
#pragma once

#include <cstddef>
#include <string>
#include <sys/types.h>

namespace perdure {

/// llistxattr(2) and lgetxattr(2) for a name in an open directory, no link followed: -1 and errno
/// when they fail. Linux has calls of its own for it since 6.13 (listxattrat, getxattrat). On older
/// kernels it goes through /proc, which takes about three times as long. Without /proc it goes
/// through a descriptor of the file, which this user must be able to read. ENOENT: the name is
/// missing.
ssize_t list_xattrs_at(int directory, const std::string& name, void* out, std::size_t size);
ssize_t get_xattr_at(int directory, const std::string& name, const std::string& xattr, void* out,
                     std::size_t size);

}  // namespace perdure
