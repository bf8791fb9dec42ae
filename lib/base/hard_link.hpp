// SPDX-License-Identifier: BSL-1.0
// Tells that a hard link was refused for good.
#pragma once

#include <system_error>

namespace perdure {

/// Whether this answer to link(2) stays one: there are no hard links here (EPERM on FAT, others
/// elsewhere), or none to this file (another user's; protected_hardlinks in proc(5)).
[[nodiscard]] inline bool refuses_hard_links(const std::error_code& cause) {
  return cause == std::errc::operation_not_permitted || cause == std::errc::not_supported ||
         cause == std::errc::operation_not_supported || cause == std::errc::function_not_supported;
}

}  // namespace perdure
