// SPDX-License-Identifier: BSL-1.0
// Gives a temp the owner, ACL, mode and attributes that it is to have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/pipeline/stage.hpp>

#include "base/internal.hpp"

namespace perdure {

/// An extended attribute.
struct Xattr {
  std::string name;
  Buffer value;
};

/// The metadata that a file is to get.
struct MetadataSource {
  Status status;  ///< Mode, owner and group count.
  std::vector<Xattr> xattrs;
  std::optional<Status> temp{};  ///< Of the temp, where it is known: saves the call.
};

/// Makes the temp's metadata that of `source`. Metadata that is equal already costs no call; a
/// failure is ErrorKind::metadata.
Result<void> copy_metadata(Commit& commit, const MetadataSource& source);

/// Reads which extended attributes the target has, if the commit is to keep them.
PERDURE_INTERNAL_API Result<void> read_xattrs(Commit& commit);

/// Gives the temp the target's SELinux label while it is empty. So a user whom the policy keeps
/// from the old content can't read the new one. Makes no call where there are no labels.
Result<void> label_temp(Commit& commit);

/// The mode to make the temp with: never more than the target's, whatever default ACL its
/// directory has.
[[nodiscard]] std::uint32_t temp_mode(const Commit& commit);

/// Gives the temp its final owner, ACL, mode and attributes. Metadata that is equal already costs
/// no call. `temp` is the temp's status now, where it is known.
PERDURE_INTERNAL_API Result<void> apply_metadata(Commit& commit,
                                                 const std::optional<Status>& temp = {});

}  // namespace perdure
