// SPDX-License-Identifier: BSL-1.0
// Reads the generation that a damaged text claims.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/json.hpp>

namespace perdure::json_detail {

namespace {

/// The number behind the first `"generation":`, where the writer puts it. The text around it does
/// not count.
std::uint64_t first_generation(std::string_view text) {
  constexpr std::string_view name = "\"generation\"";
  const auto skip_blanks = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  };
  text.remove_prefix(std::min(text.find(name), text.size()));
  if (text.empty()) return 0;
  text.remove_prefix(name.size());
  skip_blanks();
  if (!text.starts_with(':')) return 0;
  text.remove_prefix(1);
  skip_blanks();
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() ? number : 0;
}

}  // namespace

std::uint64_t claimed_generation(Bytes bytes, const JsonLimits& limits) noexcept try {
  // A text that is cut off does not parse, but its front may still be readable. In a text that
  // parses, a member of the state itself may have that name first.
  JsonReader reader(limits);
  reader.expect_stamp();
  std::string_view ignored;
  const bool readable = reader.open(bytes) && reader.raw(ignored, JsonLocation{});
  return readable ? reader.stamp().generation : first_generation(as_text(bytes));
} catch (...) {
  return 0;
}

}  // namespace perdure::json_detail
