// SPDX-License-Identifier: BSL-1.0
// Parses numbers of JSON without rounding.
#include "formats/json/number.hpp"

#include <algorithm>

namespace perdure {
namespace {

/// Takes digits from the front; the number of them.
std::size_t take_digits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(count);
  return count;
}

bool take_any_of(std::string_view& text, std::string_view set) {
  if (text.empty() || set.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

bool is_number(std::string_view token) {
  take_any_of(token, "-");
  const bool zero = !token.empty() && token.front() == '0';
  const std::size_t integer_digits = take_digits(token);
  if (integer_digits == 0 || (zero && integer_digits > 1)) return false;
  if (take_any_of(token, ".") && take_digits(token) == 0) return false;
  if (take_any_of(token, "eE")) {
    take_any_of(token, "+-");
    if (take_digits(token) == 0) return false;
  }
  return token.empty();
}

bool all_different(std::vector<std::string_view>& names, std::string_view& twice) {
  std::sort(names.begin(), names.end());
  const auto same = std::adjacent_find(names.begin(), names.end());
  if (same == names.end()) return true;
  twice = *same;
  return false;
}

}  // namespace perdure
