// SPDX-License-Identifier: BSL-1.0
// Removes what killed committers left behind.
#pragma once

#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/path.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// How far `clean` goes.
struct CleanOptions {
  bool dry_run = false;  ///< Only say what would be removed.
  /// In the directories below, too, on the same file system; links are not followed. The private
  /// directories of roots are recovery's.
  bool recursive = false;
  /// Lock files that nobody holds, too. Each is taken before it goes, so that whoever waits for it
  /// makes another one; a program that keeps a descriptor of its own on one is not seen.
  bool locks = false;
};

/// The names that `clean` removed, or would remove, and those that it left: relative to the
/// directory.
struct CleanReport {
  std::vector<std::string> removed;  ///< With a dry run, those that would go.
  std::vector<std::string> live;     ///< A committer has the temp open, or holds the lock.
  /// Bear a temp's name, but belong to somebody else or to a transaction, are of another kind, or
  /// the kernel can't tell whether they live.
  std::vector<std::string> skipped;
};

/// Removes temps that crashed committers left in `directory`: regular files that bear a temp's name
/// and that nobody has open for writing, empty directories that bear one, and symbolic links of
/// this user's (of anybody's for root), which a transaction tried. Anything else is never touched,
/// nor are lock files, unless the options say so (docs/architecture.md says why they stay), and the
/// apply temps of transactions, which their recovery removes. Removes no file where writers may
/// come by another inode: on any file system but ext2, ext3, ext4, xfs, btrfs, f2fs and tmpfs it
/// skips what looks stale. Safe beside running committers: one that is just making its temp looks
/// like a stale temp that is empty, so that where there are such `clean` waits for a second, once,
/// and looks at them again.
PERDURE_API Result<CleanReport> clean(const Path& directory, const CleanOptions& options = {},
                                      System system = native_system());

}  // namespace perdure
