// SPDX-License-Identifier: BSL-1.0
// Sizes in words.
#pragma once

#include <cstdint>
#include <string>

namespace perdure::cli {

/// "4096 bytes", "1.5 MiB".
[[nodiscard]] std::string human_size(std::uint64_t bytes);

}  // namespace perdure::cli
