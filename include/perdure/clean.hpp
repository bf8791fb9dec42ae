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
  /// directories of roots are left to recovery.
  bool recursive = false;
  /// Lock files that nobody holds, too. `clean` takes each lock before it removes the file, so that
  /// a call of perdure which waits for the lock makes another file. It does not see a program of
  /// another kind that has the file open.
  bool locks = false;
};

/// The names that `clean` removed, or would remove, and those that it left: relative to the
/// directory, and sorted.
struct CleanReport {
  std::vector<std::string> removed;  ///< With a dry run, those that would go.
  std::vector<std::string> live;     ///< A committer has the temp open, or holds the lock.
  /// Names of a temp's form whose file belongs to somebody else or to a transaction, or is of
  /// another kind. Also temps that a committer may have open: the kernel can't tell.
  std::vector<std::string> skipped;
};

/// Removes temps that crashed committers left in `directory`. These are regular files with a temp's
/// name that nobody has open for writing, and empty directories with such a name. Also symbolic
/// links with such a name, which a transaction made as a trial: those of this user, or of anybody
/// if root, the user, calls. It touches nothing else. Lock files stay unless the options say
/// otherwise (docs/architecture.md says why), and apply temps of transactions are removed by their
/// recovery. It removes files on ext2, ext3, ext4, xfs, btrfs, f2fs and tmpfs only. Elsewhere a
/// writer may have the file open by another inode, so `clean` skips every file that looks stale.
/// Safe beside running committers: a committer that is just making its temp looks like an empty
/// stale temp. Where `clean` finds empty ones, it waits for a second, once, and looks at them
/// again.
PERDURE_API Result<CleanReport> clean(const Path& directory, const CleanOptions& options = {},
                                      System system = native_system());

}  // namespace perdure
