// SPDX-License-Identifier: BSL-1.0
// The grammar of JSON Pointers (RFC 6901): "" or "/name/name", ~ as ~0 and / as ~1 in a name.
#pragma once

#include <string>
#include <string_view>

namespace perdure::json_detail {

/// Appends "/name" to `pointer`, escaped.
void append_name(std::string& pointer, std::string_view name);

/// Takes "/name" from the front of `pointer`, which is checked and not empty; unescapes the name.
[[nodiscard]] std::string take_name(std::string_view& pointer);

/// The fault of a JSON Pointer in words; empty if it has none.
[[nodiscard]] std::string_view fault_of_pointer(std::string_view text) noexcept;

}  // namespace perdure::json_detail
