// SPDX-License-Identifier: BSL-1.0
// The system calls at which a workload is stopped: those that can change a file system.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <vector>

namespace crashlab {

/// A seccomp filter that stops the caller for its tracer at these calls and lets all others pass at
/// full speed. Opens stop only when they can create or truncate; mmap, where `mappings` are asked
/// for, when the mapping is shared and writable.
std::vector<sock_filter> watch_filter(bool mappings);

/// Which argument of the call is the descriptor of the file that it changes; -1 when it goes by
/// path or can't be told.
int changed_fd_argument(std::uint64_t call);

}  // namespace crashlab
