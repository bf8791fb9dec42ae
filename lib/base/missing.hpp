// SPDX-License-Identifier: BSL-1.0
// The one test for "there is nothing of that name".
#pragma once

#include <system_error>

namespace perdure {

/// Whether a call failed because the name, or a directory on the way to it, does not exist.
[[nodiscard]] inline bool is_missing(const std::error_code& cause) noexcept {
  return cause == std::errc::no_such_file_or_directory;
}
/// The cause for something that the library itself finds missing.
[[nodiscard]] inline std::error_code missing_cause() noexcept {
  return std::make_error_code(std::errc::no_such_file_or_directory);
}

}  // namespace perdure
