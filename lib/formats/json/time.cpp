// SPDX-License-Identifier: BSL-1.0
// Times of the system clock as text, there and back.
#include <string>
#include <string_view>

#include <perdure/json/time.hpp>

#include "formats/json/parsed.hpp"

namespace perdure {

bool read_moment(JsonReader& reader, JsonMoment& out, const JsonLocation& location) {
  return json_detail::read_parsed(reader, location, "a time as 2026-01-31T12:00:00Z",
                                  [&](std::string_view text) { return parse_time(text, out); });
}

bool write_moment(JsonWriter& writer, const JsonMoment& moment, unsigned digits,
                  const JsonLocation& location) {
  std::string text;
  if (!format_time(moment, digits, text)) {
    return writer.fail(location, "this time is not of the years 0000 to 9999");
  }
  return writer.text(text, location);
}

namespace {

/// The two or four digits at `at`; -1 if there are none.
int digits_at(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char digit : text.substr(at, count)) {
    if (digit < '0' || digit > '9') return -1;
    value = value * 10 + (digit - '0');
  }
  return value;
}

bool parse_date(std::string_view text, std::chrono::year_month_day& out) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const int year = digits_at(text, 0, 4);
  const int month = digits_at(text, 5, 2);
  const int day = digits_at(text, 8, 2);
  if (year < 0 || month < 0 || day < 0) return false;
  out = std::chrono::year(year) / month / day;
  return out.ok();
}

}  // namespace

bool read_json(JsonReader& reader, std::chrono::year_month_day& out, const JsonLocation& location) {
  return json_detail::read_parsed(reader, location, "a date as 2026-01-31",
                                  [&](std::string_view text) { return parse_date(text, out); });
}

bool write_json(JsonWriter& writer, const std::chrono::year_month_day& value,
                const JsonLocation& location) {
  const int year = static_cast<int>(value.year());
  if (!value.ok() || year < 0 || year > 9999) {
    return writer.fail(location, "this is not a date of the years 0000 to 9999");
  }
  const auto padded = [](unsigned number, std::size_t count) {
    std::string text = std::to_string(number);
    return text.insert(0, count - text.size(), '0');
  };
  return writer.text(padded(static_cast<unsigned>(year), 4) + "-" +
                         padded(static_cast<unsigned>(value.month()), 2) + "-" +
                         padded(static_cast<unsigned>(value.day()), 2),
                     location);
}

}  // namespace perdure
