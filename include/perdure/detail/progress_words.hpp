// SPDX-License-Identifier: BSL-1.0
// A line of progress in words, the same in all programs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace perdure::detail {

/// "12 s", "3 min", "2 h": rounded up, so that nobody waits longer than the words say.
[[nodiscard]] inline std::string words_of_seconds(double seconds) {
  constexpr double minute = 60;
  constexpr double hour = 3600;
  const auto up = [](double amount) {
    const auto whole = static_cast<std::uint64_t>(amount);
    return std::to_string(whole + (static_cast<double>(whole) < amount ? 1U : 0U));
  };
  if (seconds < 2 * minute) return up(seconds) + " s";
  return seconds < 2 * hour ? up(seconds / minute) + " min" : up(seconds / hour) + " h";
}

/// "40 %, 400 of 1000 states, 80/s, 8 s left"; "400 states, 80/s" where nobody knows how many there
/// will be. `amount` puts an amount in words without the unit of a count, which is `unit`:
/// "states", or "" for sizes. The rate is that of all the time so far.
template <class Amount>
[[nodiscard]] std::string progress_words(std::uint64_t done, std::optional<std::uint64_t> total,
                                         double seconds, const std::string& unit, Amount amount) {
  const std::string of = unit.empty() ? "" : " " + unit;
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string words;
  if (total && *total > 0) {
    const std::uint64_t reached = std::min(done, *total);  // an input may have grown
    const auto percent = static_cast<std::uint64_t>(100.0 * static_cast<double>(reached) /
                                                    static_cast<double>(*total));
    words = std::to_string(percent) + " %, " + amount(reached) + " of " + amount(*total) + of;
  } else {
    words = amount(done) + of;
  }
  if (rate <= 0) return words;
  words += ", " + amount(static_cast<std::uint64_t>(rate)) + "/s";
  if (total && done < *total) {
    words += ", " + words_of_seconds(static_cast<double>(*total - done) / rate) + " left";
  }
  return words;
}

}  // namespace perdure::detail
