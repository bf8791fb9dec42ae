// SPDX-License-Identifier: BSL-1.0
// Tells whether a hard link was refused for good.
#pragma once

#include <system_error>

namespace perdure {

/// Whether link(2) would give this answer again. Then the file system has no hard links (EPERM on
/// FAT, other codes elsewhere), or refuses one to this file (another user's; protected_hardlinks in
/// proc(5)).
[[nodiscard]] inline bool refuses_hard_links(const std::error_code& cause) {
  return cause == std::errc::operation_not_permitted || cause == std::errc::not_supported ||
         cause == std::errc::operation_not_supported || cause == std::errc::function_not_supported;
}

}  // namespace perdure
