// SPDX-License-Identifier: BSL-1.0
// Numbers of JSON from text.
#pragma once

#include <string_view>
#include <vector>

namespace perdure {

/// True for a number as RFC 8259 has it, of any size.
[[nodiscard]] bool is_number(std::string_view token);

/// False when two names are the same; `twice` is one of them. Changes the order.
[[nodiscard]] bool all_different(std::vector<std::string_view>& names, std::string_view& twice);

}  // namespace perdure
