// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <perdure/json/reader.hpp>

namespace perdure {

/// True for a number as RFC 8259 has it, of any size.
[[nodiscard]] bool is_number(std::string_view token);

/// Reads all of `token` into a number; false when it is none, or does not fit.
template <class Number>
[[nodiscard]] bool parse_whole(std::string_view token, Number& out) {
  const char* const last = token.data() + token.size();
  const auto [end, error] = std::from_chars(token.data(), last, out);
  return error == std::errc() && end == last;
}

/// Why `token` could not be read into an integer from `low` to `high`, or into a floating-point
/// number when `low` is empty. Returns false.
bool number_trouble(JsonReader& reader, std::string_view token, const std::string& low,
                    const std::string& high, const JsonPlace& place);

/// False when two names are the same; `twice` is one of them. Changes the order.
[[nodiscard]] bool all_different(std::vector<std::string_view>& names, std::string_view& twice);

}  // namespace perdure
