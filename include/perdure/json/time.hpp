// SPDX-License-Identifier: BSL-1.0
// Times and durations as JSON values.
#pragma once

#include <chrono>
#include <limits>
#include <ratio>

#include <perdure/detail/export.hpp>
#include <perdure/json/forward.hpp>
#include <perdure/json/moment.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

/// Reads a string as parse_time does.
PERDURE_STATE_API bool read_moment(JsonReader& reader, JsonMoment& out,
                                   const JsonLocation& location);
/// Writes a string as format_time does; a year that it refuses is a failure.
PERDURE_STATE_API bool write_moment(JsonWriter& writer, const JsonMoment& moment, unsigned digits,
                                    const JsonLocation& location);

/// As "2026-01-31", of the years 0000 to 9999.
PERDURE_STATE_API bool read_json(JsonReader& reader, std::chrono::year_month_day& out,
                                 const JsonLocation& location);
/// The same, to write.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const std::chrono::year_month_day& value,
                                  const JsonLocation& location);
template <>
inline constexpr JsonKind json_kind<std::chrono::year_month_day> = JsonKind::string;

/// A time point keeps as many digits as its own unit has: seconds none, milliseconds three.
template <class Duration>
bool write_time(JsonWriter& writer, const std::chrono::sys_time<Duration>& time,
                const JsonLocation& location) {
  using Period = typename Duration::period;
  constexpr unsigned digits = std::ratio_greater_equal_v<Period, std::ratio<1>> ? 0
                              : std::ratio_greater_equal_v<Period, std::milli>  ? 3
                              : std::ratio_greater_equal_v<Period, std::micro>  ? 6
                                                                                : 9;
  return write_moment(writer, to_moment(time), digits, location);
}

/// A time that is finer than the unit, or that the count can't hold, is a failure.
template <class Duration>
bool read_time(JsonReader& reader, std::chrono::sys_time<Duration>& out,
               const JsonLocation& location) {
  JsonMoment moment;
  if (!read_moment(reader, moment, location)) return false;
  using Period = typename Duration::period;
  using Rep = typename Duration::rep;
  static_assert(
      std::numeric_limits<Rep>::is_integer && Period::num > 0 && 1'000'000'000 % Period::den == 0,
      "perdure: a time point in JSON counts whole nanoseconds or something longer");
  JsonCount count;
  const JsonFit fit = moment.in_units(Period::num, Period::den, count);
  if (fit == JsonFit::finer)
    return reader.fail(location, "this time is finer than the program keeps");
  Rep value{};
  if (fit == JsonFit::beyond || !count.get(value)) {
    return reader.fail(location, "this time is out of range");
  }
  out = std::chrono::sys_time<Duration>(Duration(value));
  return true;
}

}  // namespace perdure
