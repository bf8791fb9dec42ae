// SPDX-License-Identifier: BSL-1.0
// A root that becomes what another tree is, by Transaction::mirror.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/source_tree.hpp>

namespace perdure {

/// How far Transaction::mirror goes.
///
/// It comes first in a transaction: later calls change what shall differ. New files and directories
/// get the mode of the source less the umask; others keep their own. The library's files (locks,
/// previous generations, the private directory) stay as they are in directories that the source
/// has. Errors: ErrorKind::not_regular where nothing is to be removed, and a file has the name of a
/// directory of the source, or the other way round; ErrorKind::invalid_argument for a source that
/// lies in the root; ErrorKind::unsupported where a directory takes two names for one that differ
/// in case. When it fails, the transaction is over, and nothing of it was done.
///
///     BOOST_OUTCOME_TRY(auto tx, perdure::Transaction::begin("site"));
///     BOOST_OUTCOME_TRY(tx.mirror("build/html"));
///     BOOST_OUTCOME_TRY(tx.commit());
struct MirrorOptions {
  /// Everything that is there now, and not in the source, goes as by Transaction::remove_all; a
  /// file of the source takes the place of a symbolic link or of a directory, and a directory that
  /// of a file or a link.
  bool removing = true;
  /// A file that has the content of the source already stays as it is; else it is put anew.
  /// Somebody may change it after it was compared: then it stays as they made it.
  bool comparing = true;
  /// As Metadata::keep_special, of files that are replaced.
  bool keep_special = false;
};

/// The deeds of Transaction::mirror, to be committed.
struct MirrorReport {
  std::uint64_t put = 0;        ///< Files and symbolic links.
  std::uint64_t unchanged = 0;  ///< Files and symbolic links that stay as they are.
  std::uint64_t removed = 0;    ///< Files, links and directories; those with all that is in them.
  /// Paths of the source that no transaction may name: as SourceTree::left_out.
  std::vector<std::string> left_out;
};

}  // namespace perdure
