// SPDX-License-Identifier: BSL-1.0
// Moments as text, and as time points.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <perdure/detail/export.hpp>
#include <perdure/detail/language.hpp>

namespace perdure {

/// A count with a sign of its own, so that no sum of seconds and fractions overflows on the way.
struct JsonCount {
  bool negative = false;   ///< Whether it is below zero.
  std::uint64_t size = 0;  ///< The count without its sign.

  /// False, and `out` as it was, where an integer of this type can't hold the count.
  template <class Integer>
  [[nodiscard]] bool get(Integer& out) const noexcept {
    constexpr auto size_max = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    if (!negative) {
      if (size > size_max) return false;
      out = static_cast<Integer>(size);
      return true;
    }
    if (std::is_unsigned_v<Integer> || size > size_max + 1) return false;
    out = static_cast<Integer>(-static_cast<Integer>(size - 1) - 1);
    return true;
  }
};

/// Whether a moment is a whole count of some unit.
enum class JsonFit : std::uint8_t {
  whole,   ///< It is.
  finer,   ///< It lies between two counts.
  beyond,  ///< 64 bits do not hold the count.
};

/// A moment in UTC; `second` counts from 1970, leap seconds left out as in system_clock.
struct PERDURE_STATE_API JsonMoment {
  std::int64_t second = 0;       ///< Negative before 1970.
  std::uint32_t nanosecond = 0;  ///< Below 1,000,000,000; also before 1970.

  /// As a count of `numerator / denominator` seconds; the denominator divides 1,000,000,000. `out`
  /// is set where it is whole.
  [[nodiscard]] JsonFit in_units(std::uint64_t numerator, std::uint64_t denominator,
                                 JsonCount& out) const noexcept;
  /// As a count of nanoseconds; false beyond the years 1677 to 2262, which is what 64 bits hold.
  [[nodiscard]] bool in_nanoseconds(std::int64_t& out) const noexcept;
};

/// ISO 8601 as RFC 3339 narrows it: `2026-01-31T12:00:00.123456789Z`. The second's fraction is
/// written with so many `digits`. False for a year that does not have four digits.
[[nodiscard]] PERDURE_STATE_API bool format_time(const JsonMoment& moment, unsigned digits,
                                                 std::string& out);

/// Reads what `format_time` writes, and any other offset than Z, up to nine digits of a fraction.
[[nodiscard]] PERDURE_STATE_API bool parse_time(std::string_view text, JsonMoment& out);

/// The moment of any time point, also of the first and the last that 64 bits hold. The whole second
/// before the first one does not fit in 64 bits, so nothing is subtracted from it.
template <class Duration>
JsonMoment to_moment(const std::chrono::sys_time<Duration>& time) {
  using namespace std::chrono;
  const Duration since = time.time_since_epoch();
  auto rest = duration_cast<nanoseconds>(since % seconds(1));
  if (rest < nanoseconds::zero()) rest += seconds(1);
  return {.second = floor<seconds>(since).count(),
          .nanosecond = static_cast<std::uint32_t>(rest.count())};
}

}  // namespace perdure
