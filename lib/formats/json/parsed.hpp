// SPDX-License-Identifier: BSL-1.0
// Reads a value that JSON has as a string of some form: a time, a date, bytes.
#pragma once

#include <string>
#include <string_view>

#include <perdure/json/reader.hpp>

namespace perdure::json_detail {

/// `parse(std::string_view)` says whether the string has the form; `expected` names that in the
/// error.
template <class Parse>
bool read_parsed(JsonReader& reader, const JsonLocation& location, std::string_view expected,
                 Parse parse) {
  if (reader.kind() != JsonKind::string) return reader.mismatch(location, expected);
  std::string_view text;
  if (!reader.text(text, location)) return false;
  if (parse(text)) return true;
  return reader.fail(location,
                     "expected " + std::string(expected) + ", found " + json_excerpt(text));
}

}  // namespace perdure::json_detail
