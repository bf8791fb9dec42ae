// SPDX-License-Identifier: BSL-1.0
// The marker of a root: the file that makes a directory a root, and says where its private one is.
#pragma once

#include <optional>
#include <string>

#include "base/internal.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

inline constexpr std::string_view open_step = "open the root";

/// The private directory that the marker names: one component, or an absolute path. Empty if the
/// root has none.
Result<std::optional<std::string>> read_marker(const TransactionRoot& root);

/// The private directory that the marker of another root names; that root may be anybody's. Empty
/// if it has no marker that can be read.
std::optional<std::string> marked_private_directory(const Target& root);

/// Whether the directory, of this status, has a marker that this user believes.
PERDURE_INTERNAL_API bool has_marker(FileSystem& files, Handle directory, const Status& status);

/// A directory with such a marker, so many steps above another one.
struct RootAbove {
  OwnedHandle directory;
  int steps = 0;
};
/// The nearest one, as far as this user may look.
SysResult<std::optional<RootAbove>> find_root_above(FileSystem& files, Handle directory,
                                                    const Status& status);

/// Refuses a root that lies in another one.
Result<void> refuse_nested(TransactionRoot& root);

/// First use: makes the private directory durable, then the marker that says where it is. Called
/// just before the commit point, so that a transaction that is refused leaves nothing behind.
Result<void> mark_root(TransactionRoot& root);

}  // namespace perdure
