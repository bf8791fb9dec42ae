// SPDX-License-Identifier: BSL-1.0
// Times and durations as JSON values.
#pragma once

#include <chrono>
#include <limits>
#include <ratio>

#include <perdure/json/moment.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

bool read_moment(JsonReader& reader, JsonMoment& out, const JsonPlace& place);
bool write_moment(JsonWriter& writer, const JsonMoment& moment, unsigned digits,
                  const JsonPlace& place);

/// A time point keeps as many digits as its own unit has: seconds none, milliseconds three.
template <class Duration>
bool write_time(JsonWriter& writer, const std::chrono::sys_time<Duration>& time,
                const JsonPlace& place) {
  using Period = typename Duration::period;
  constexpr unsigned digits = std::ratio_greater_equal_v<Period, std::ratio<1>> ? 0
                              : std::ratio_greater_equal_v<Period, std::milli>  ? 3
                              : std::ratio_greater_equal_v<Period, std::micro>  ? 6
                                                                                : 9;
  return write_moment(writer, to_moment(time), digits, place);
}

template <class Duration>
bool read_time(JsonReader& reader, std::chrono::sys_time<Duration>& out, const JsonPlace& place) {
  JsonMoment moment;
  if (!read_moment(reader, moment, place)) return false;
  using Period = typename Duration::period;
  using Rep = typename Duration::rep;
  static_assert(std::numeric_limits<Rep>::is_integer && Period::num > 0 &&
                    std::ratio_greater_equal_v<Period, std::nano>,
                "perdure: a time point in JSON counts whole nanoseconds or something longer");
  // In 128 bits nothing of this can overflow.
  __extension__ using Wide = __int128;
  const Wide count = Wide{moment.second} * 1'000'000'000 + moment.nanosecond;
  constexpr Wide unit = Wide{Period::num} * (1'000'000'000 / Period::den);
  const Wide value = count / unit;
  if (count % unit != 0) return reader.fail(place, "this time is finer than the program keeps");
  if (value < Wide{std::numeric_limits<Rep>::min()} ||
      value > Wide{std::numeric_limits<Rep>::max()}) {
    return reader.fail(place, "this time is out of range");
  }
  out = std::chrono::sys_time<Duration>(Duration(static_cast<Rep>(value)));
  return true;
}

}  // namespace perdure
