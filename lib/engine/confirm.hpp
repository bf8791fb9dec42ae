// SPDX-License-Identifier: BSL-1.0
// Whether a sync that returned success did its work: docs/failed-journals.md.
#pragma once

#include <cstdint>

#include <perdure/system/file_system.hpp>

#include "base/internal.hpp"

namespace perdure {

/// How many syncs of names failed in this process so far. A commit takes this mark before it
/// changes a name, and `confirm_syncs` compares it.
[[nodiscard]] PERDURE_INTERNAL_API std::uint64_t failed_syncs() noexcept;

/// Hands on what a sync on the device of `handle` answered, and remembers a failure. The kernel
/// tells of a lost block once, so the other commits of this process learn of it here. EINVAL is not
/// remembered: the file system can't sync such a handle, and lost nothing.
SysResult<void> noted(FileSystem& files, Handle handle, SysResult<void> synced) noexcept;

/// fsync(2) of a directory, noted.
SysResult<void> sync_entries(FileSystem& files, Handle directory);

/// A sync failed on the device of `directory` since the mark was taken.
[[nodiscard]] bool sync_failed_since(FileSystem& files, Handle directory, std::uint64_t mark);

/// The last check before a commit is called durable, after the last sync on a device.
///
/// True: the file system still takes changes, so the syncs did their work. False: nobody can tell
/// (Receipt::confirmed). An error: the file system's journal has failed, or another sync on this
/// device failed since `mark`; the names may be in the cache alone.
///
/// As a rule it makes one system call, on the directory. Where this user may not write the
/// directory's inode, it asks `temp`, a file of ours in `directory` or Handle::none. Last, it makes
/// a file without a name in the directory.
SysResult<bool> confirm_syncs(FileSystem& files, Handle directory, Handle temp, std::uint64_t mark);

/// Adds words to an error of `confirm_syncs` that say what it means.
[[nodiscard]] Error explain_dead_journal(Error error);

}  // namespace perdure
