// SPDX-License-Identifier: BSL-1.0
// Times of the system clock as text, there and back.
#include <string>
#include <string_view>

#include <perdure/json/time.hpp>

namespace perdure {

bool read_moment(JsonReader& reader, JsonMoment& out, const JsonLocation& location) {
  constexpr std::string_view expected = "a time as 2026-01-31T12:00:00Z";
  if (reader.kind() != JsonKind::string) return reader.mismatch(location, expected);
  std::string_view text;
  if (!reader.text(text, location)) return false;
  if (!parse_time(text, out)) {
    return reader.fail(location,
                       "expected " + std::string(expected) + ", found " + json_excerpt(text));
  }
  return true;
}

bool write_moment(JsonWriter& writer, const JsonMoment& moment, unsigned digits,
                  const JsonLocation& location) {
  std::string text;
  if (!format_time(moment, digits, text)) {
    return writer.fail(location, "this time is not of the years 0000 to 9999");
  }
  return writer.text(text, location);
}

}  // namespace perdure
