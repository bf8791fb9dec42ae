// SPDX-License-Identifier: BSL-1.0
// Copies a root that nobody holds open.
#include <perdure/root_copy.hpp>

#include "base/make_error.hpp"
#include "engine/directory.hpp"
#include "transaction/open_root.hpp"
#include "transaction/recovery.hpp"
#include "transaction/tree_copy.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "copy the root";

/// Locked, and recovered.
Result<std::unique_ptr<TransactionRoot>> locked_root(const Path& path,
                                                     const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto root, open_root_to_recover(path, options));
  if (root && root->restored) {
    BOOST_OUTCOME_TRY(root, open_root_to_recover(path, options));
  }
  if (!root) {
    return reading(make_error(step, path.native(), ErrorKind::invalid_argument,
                              "no transaction was ever committed there, so that nobody who writes "
                              "there can be held back; copy it by other means"));
  }
  BOOST_OUTCOME_TRY(recover_root(*root));
  return root;
}

}  // namespace

Result<CopyReport> copy_root(const Path& root, const Path& destination, const CopyOptions& options,
                             const TransactionOptions& root_options) {
  FileSystem& files = *root_options.system.files;
  BOOST_OUTCOME_TRY(const OwnedHandle directory, open_named_directory(files, root));
  const auto status = files.stat(directory.get());
  if (!status) return reading(make_error(step, root.native(), status.error()));
  {
    BOOST_OUTCOME_TRY(const auto found, locked_root(root, root_options));  // before all is read
  }
  return copy_tree(
      {directory.get(), root}, destination, options, root_options,
      [&](const std::function<Result<void>()>& work) -> Result<void> {
        BOOST_OUTCOME_TRY(const auto held, locked_root(root, root_options));
        if (held->status.version.same_file(status.value().version)) return work();
        return reading(make_error(step, root.native(), ErrorKind::conflict,
                                  "somebody put another directory in its place; try again"));
      });
}

}  // namespace perdure
