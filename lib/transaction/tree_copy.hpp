// SPDX-License-Identifier: BSL-1.0
// Copies a tree that others change, then what they changed, then the rest while nobody commits.
//
// The life of a copy:
//
//   work directory, marked --> filled, pass by pass --> filled, while nobody commits
//        |                                                       |
//        | killed: the next call goes on                         v
//        +---- with it, and compares content     durable --> checked --> renamed
//
// C1. A file counts as copied if its stamps were settled when it was read, and are the same now.
// C2. The last pass runs while nobody commits, and its copy is the root of that moment.
// C3. The rename comes last, when all is durable and checked. So a destination
//     that exists is complete.
//
// copy_place.hpp has the invariants of the work directory.
#pragma once

#include <functional>

#include <perdure/root_copy.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// Runs `work` while nobody commits, with all that was committed in place.
using Quietly = std::function<Result<void>(const std::function<Result<void>()>& work)>;

/// A root that is open, and its path for errors.
struct OpenTree {
  Handle directory;
  const Path& path;
};

Result<CopyReport> copy_tree(const OpenTree& root, const Path& destination,
                             const CopyOptions& options, const TransactionOptions& root_options,
                             const Quietly& quietly);

}  // namespace perdure
