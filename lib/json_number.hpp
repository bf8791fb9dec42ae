// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <perdure/json_reader.hpp>

namespace perdure {

/// True for a number as RFC 8259 has it, of any size.
[[nodiscard]] bool is_number(std::string_view token);

/// Why `token` could not be read into an integer from `low` to `high`, or into a floating-point
/// number when `low` is empty. Returns false.
bool number_trouble(JsonReader& reader, std::string_view token, const std::string& low,
                    const std::string& high, const JsonPlace& place);

/// False when two names are the same; `twice` is one of them. Changes the order.
[[nodiscard]] bool all_different(std::vector<std::string_view>& names, std::string_view& twice);

}  // namespace perdure
