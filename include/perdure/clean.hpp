// SPDX-License-Identifier: BSL-1.0
// Removes what killed committers left behind.
#pragma once

#include <string>
#include <vector>

#include <perdure/error.hpp>
#include <perdure/path.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// The names that `clean` removed, or would remove, and those that it left: leaves.
struct CleanReport {
  std::vector<std::string> removed;  ///< Stale temps; with a dry run, those that would go.
  std::vector<std::string> live;     ///< Temps that a committer has open at this moment.
  /// Bear a temp's name, but belong to somebody else or to a transaction, are not regular files, or
  /// the kernel can't tell whether they live.
  std::vector<std::string> skipped;
};

/// Removes temps that crashed committers left in `directory`: regular files that bear a temp's name
/// and that nobody has open for writing, and empty directories that bear one. Anything else is
/// never touched, nor are lock files (they stay for good, see docs/architecture.md) and the apply
/// temps of transactions, which their recovery removes. Removes no file where writers may come by
/// another inode: on any file system but ext2, ext3, ext4, xfs, btrfs, f2fs and tmpfs it skips what
/// looks stale. Safe beside running committers: one that is just making its temp looks like a stale
/// temp that is empty, so that where there are such `clean` waits for a second, once, and looks at
/// them again.
Result<CleanReport> clean(const Path& directory, bool dry_run = false,
                          System system = native_system());

}  // namespace perdure
