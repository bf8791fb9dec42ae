// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>

#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

/// A moment in UTC; `second` counts from 1970, leap seconds left out as in system_clock.
struct JsonMoment {
  std::int64_t second = 0;
  std::uint32_t nanosecond = 0;  ///< Below 1,000,000,000; also before 1970.

  /// As a count of nanoseconds; false beyond the years 1677 to 2262, which is what 64 bits hold.
  [[nodiscard]] bool in_nanoseconds(std::int64_t& out) const noexcept;
};

/// ISO 8601 as RFC 3339 narrows it: `2026-01-31T12:00:00.123456789Z`. `digits` of the second's
/// fraction are written. False for a year that does not have four digits.
[[nodiscard]] bool format_time(const JsonMoment& moment, unsigned digits, std::string& out);

/// Reads what `format_time` writes, and any other offset than Z, up to nine digits of a fraction.
[[nodiscard]] bool parse_time(std::string_view text, JsonMoment& out);

bool read_moment(JsonReader& reader, JsonMoment& out, const JsonPlace& place);
bool write_moment(JsonWriter& writer, const JsonMoment& moment, unsigned digits,
                  const JsonPlace& place);

/// The moment of any time point; the first and the last that 64 bits hold, too: the whole second
/// before the first one is beyond them, so that nothing is subtracted from it.
template <class Duration>
JsonMoment to_moment(const std::chrono::sys_time<Duration>& time) {
  using namespace std::chrono;
  const Duration since = time.time_since_epoch();
  auto rest = duration_cast<nanoseconds>(since % seconds(1));
  if (rest < nanoseconds::zero()) rest += seconds(1);
  return {.second = floor<seconds>(since).count(),
          .nanosecond = static_cast<std::uint32_t>(rest.count())};
}

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
