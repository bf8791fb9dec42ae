// SPDX-License-Identifier: BSL-1.0
// One reader of numbers that must be all of a text.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace perdure {

/// Reads all of `text` into a number; false when it is not a number, or does not fit.
template <class Number>
[[nodiscard]] bool parse_whole(std::string_view text, Number& out) {
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  return error == std::errc() && end == last;
}

}  // namespace perdure
