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
/// Call it first in a transaction; later calls of the transaction may change paths that it put. New
/// files and directories get the mode of the source less the umask; others keep their own. The
/// library's files (locks, previous generations, the private directory) stay as they are in
/// directories that the source has. Errors: ErrorKind::not_regular where `removing` is false, and a
/// file has the name of a directory of the source, or the other way round.
/// ErrorKind::invalid_argument for a source that lies in the root. ErrorKind::unsupported where a
/// directory takes two names that differ in case for one. When `mirror` fails, the transaction is
/// over, and nothing of it was done.
///
///     BOOST_OUTCOME_TRY(auto tx, perdure::Transaction::begin("site"));
///     BOOST_OUTCOME_TRY(tx.mirror("build/html"));
///     BOOST_OUTCOME_TRY(tx.commit());
struct MirrorOptions {
  /// Everything that is in the root now, and not in the source, is removed as by
  /// Transaction::remove_all. A file of the source takes the place of a symbolic link or of a
  /// directory. A directory takes that of a file or a link.
  bool removing = true;
  /// A file that already has the content of the source stays as it is; without this option it is
  /// put anew. Somebody may change the file after it was compared: then it stays as they made it.
  bool comparing = true;
  /// As Metadata::keep_special, of files that are replaced.
  bool keep_special = false;
};

/// The changes that Transaction::mirror prepared; the commit makes them.
struct MirrorReport {
  std::uint64_t put = 0;        ///< Files and symbolic links.
  std::uint64_t unchanged = 0;  ///< Files and symbolic links that stay as they are.
  std::uint64_t removed = 0;    ///< Files, links and directories; those with all that is in them.
  /// Paths of the source that no transaction may name: as SourceTree::left_out.
  std::vector<std::string> left_out;
};

}  // namespace perdure
