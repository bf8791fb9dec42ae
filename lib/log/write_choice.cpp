// SPDX-License-Identifier: BSL-1.0
// Times two ways to write.
#include "log/write_choice.hpp"

#include <algorithm>
#include <bit>

namespace perdure {
namespace {

/// In the order of Thue and Morse (0110 1001 ...): neither way always meets the larger records, or
/// the slower half of a disk that warms up.
bool is_direct_at(std::size_t turn) {
  return std::popcount(turn) % 2 == 1;
}

}  // namespace

bool WriteChoice::is_direct() const noexcept {
  if (is_measuring()) return is_direct_at(count_);
  const auto measured = ratio();
  return measured && *measured < 1;
}

void WriteChoice::took(std::chrono::nanoseconds time) {
  times_[is_direct_at(count_) ? 1 : 0][count_ / 2] = time;  // one of each pair of turns
  ++count_;
}

std::optional<double> WriteChoice::ratio() const {
  if (is_measuring()) return std::nullopt;
  std::array<double, 2> medians{};
  for (std::size_t way = 0; way < medians.size(); ++way) {
    Times sorted = times_[way];
    std::ranges::nth_element(sorted, sorted.begin() + rounds / 2);
    medians[way] = static_cast<double>(sorted[rounds / 2].count());
  }
  if (medians[0] <= 0 || medians[1] <= 0) return std::nullopt;
  return medians[1] / medians[0];
}

}  // namespace perdure
