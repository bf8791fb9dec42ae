// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <perdure/stage.hpp>

namespace perdure {

/// Reads which extended attributes the target has, if the commit is to keep them.
Result<void> read_xattrs(Commit& commit);

/// The mode to make the temp with: never more than the target's, whatever default ACL its
/// directory has.
[[nodiscard]] std::uint32_t temp_mode(const Commit& commit);

/// Gives the temp its final owner, ACL, mode and attributes. What is equal already costs no call.
Result<void> apply_metadata(Commit& commit);

}  // namespace perdure
