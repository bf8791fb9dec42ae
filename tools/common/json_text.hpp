// SPDX-License-Identifier: BSL-1.0
// JSON with numbers as people write them.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace perdure::cli {

namespace detail {

/// "0.25", "1200", "1e+30": the shortest digits that give the number again. Boost.JSON writes them
/// with an exponent always ("2.5E-1"), which other programs read, and people do not.
inline void append_number(std::string& text, double number) {
  constexpr double plain_min = 1e-7;
  constexpr double plain_max = 1e21;  // as JavaScript has it
  const double size = std::fabs(number);
  const bool plain = size == 0 || (size >= plain_min && size < plain_max);
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  text.append(digits.data(), end.ptr);
}

inline void append_json(std::string& text, const boost::json::value& value) {
  const char* between = "";
  if (const auto* const object = value.if_object()) {
    text += '{';
    for (const auto& [key, member] : *object) {
      text += between + boost::json::serialize(key) + ":";
      append_json(text, member);
      between = ",";
    }
    text += '}';
  } else if (const auto* const array = value.if_array()) {
    text += '[';
    for (const auto& element : *array) {
      text += between;
      append_json(text, element);
      between = ",";
    }
    text += ']';
  } else if (const double* const number = value.if_double();
             number != nullptr && std::isfinite(*number)) {
    append_number(text, *number);
  } else {
    text += boost::json::serialize(value);
  }
}

}  // namespace detail

/// The value on one line.
[[nodiscard]] inline std::string json_text(const boost::json::value& value) {
  std::string text;
  detail::append_json(text, value);
  return text;
}

}  // namespace perdure::cli
