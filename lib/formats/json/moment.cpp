// SPDX-License-Identifier: BSL-1.0
// Moments as text, by the calendar.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

#include <perdure/json/moment.hpp>

namespace perdure {
namespace {

/// Takes a number of exactly `digits` digits from the front of `text`.
bool take_digits(std::string_view& text, unsigned digits, unsigned& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (unsigned i = 0; i < digits; ++i) {
    const char c = text[i];
    if (c < '0' || c > '9') return false;
    out = out * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// One to nine digits of a fraction, as nanoseconds.
bool take_fraction(std::string_view& text, std::uint32_t& out) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos || digits > 9) return false;
  unsigned fraction = 0;
  if (!take_digits(text, static_cast<unsigned>(digits), fraction)) return false;
  for (std::size_t i = digits; i < 9; ++i) fraction *= 10;
  out = fraction;
  return true;
}

/// `Z`, `+hh:mm` or `-hh:mm`; seconds to the east.
bool take_offset(std::string_view& text, std::int64_t& out) {
  out = 0;
  if (take_char(text, 'Z')) return true;
  const bool west = !text.empty() && text.front() == '-';
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!take_char(text, west ? '-' : '+') || !take_digits(text, 2, hours) || !take_char(text, ':') ||
      !take_digits(text, 2, minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  out = std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60;
  if (west) out = -out;
  return true;
}

}  // namespace

JsonFit JsonMoment::in_units(std::uint64_t numerator, std::uint64_t denominator,
                             JsonCount& out) const noexcept {
  const std::uint64_t unit_ns = 1'000'000'000 / denominator;
  if (nanosecond % unit_ns != 0) return JsonFit::finer;
  const std::uint64_t fraction = nanosecond / unit_ns;
  const bool before = second < 0;
  const auto bits = static_cast<std::uint64_t>(second);
  const std::uint64_t seconds = before ? 0 - bits : bits;
  // Right before 1970, too: a negative count that this refuses is far below -2^63.
  if (seconds > (std::numeric_limits<std::uint64_t>::max() - fraction) / denominator) {
    return JsonFit::beyond;
  }
  const std::uint64_t count =
      before ? seconds * denominator - fraction : seconds * denominator + fraction;
  if (count % numerator != 0) return JsonFit::finer;
  out = {.negative = before, .size = count / numerator};
  return JsonFit::whole;
}

bool JsonMoment::in_nanoseconds(std::int64_t& out) const noexcept {
  JsonCount count;
  return in_units(1, 1'000'000'000, count) == JsonFit::whole && count.get(out);
}

bool format_time(const JsonMoment& moment, unsigned digits, std::string& out) {
  using namespace std::chrono;
  // Seconds of the years 0000 and 9999; outside, `days` below could overflow.
  constexpr std::int64_t first = -62'167'219'200;
  constexpr std::int64_t last = 253'402'300'799;
  if (moment.second < first || moment.second > last) return false;
  const sys_seconds time{seconds(moment.second)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(time - day);
  std::array<char, 40> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  out.assign(text.data(), static_cast<std::size_t>(length));
  if (digits != 0) {
    (void)std::snprintf(text.data(), text.size(), ".%09u", unsigned{moment.nanosecond});
    out.append(text.data(), digits + 1);
  }
  out += 'Z';
  return true;
}

bool parse_time(std::string_view text, JsonMoment& out) {
  using namespace std::chrono;
  unsigned year_number = 0;
  unsigned month_number = 0;
  unsigned day_number = 0;
  unsigned hours_number = 0;
  unsigned minutes_number = 0;
  unsigned seconds_number = 0;
  if (!take_digits(text, 4, year_number) || !take_char(text, '-') ||
      !take_digits(text, 2, month_number) || !take_char(text, '-') ||
      !take_digits(text, 2, day_number) || !take_char(text, 'T') ||
      !take_digits(text, 2, hours_number) || !take_char(text, ':') ||
      !take_digits(text, 2, minutes_number) || !take_char(text, ':') ||
      !take_digits(text, 2, seconds_number)) {
    return false;
  }
  std::uint32_t nanosecond = 0;
  if (take_char(text, '.') && !take_fraction(text, nanosecond)) return false;
  std::int64_t offset = 0;
  if (!take_offset(text, offset) || !text.empty()) return false;

  const year_month_day date{year(static_cast<int>(year_number)), month(month_number),
                            day(day_number)};
  if (!date.ok() || hours_number > 23 || minutes_number > 59 || seconds_number > 59) return false;
  const auto midnight = sys_seconds(sys_days(date)).time_since_epoch().count();
  out.second = std::int64_t{midnight} + std::int64_t{hours_number} * 3600 +
               std::int64_t{minutes_number} * 60 + seconds_number - offset;
  out.nanosecond = nanosecond;
  return true;
}

}  // namespace perdure
