// SPDX-License-Identifier: BSL-1.0
// Reading values that hold no others.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <perdure/json/reader.hpp>

#include "base/parse.hpp"
#include "formats/json/number.hpp"
#include "formats/json/reader.hpp"

namespace perdure {

namespace od = simdjson::ondemand;

const char* string_end(const char* at) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t high = 0x8080808080808080U;
  for (;; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t slash = word ^ (ones * '\\');
    // A byte that is zero here may mark those above it too, never those below: scan for the first.
    if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high) break;
  }
  while (*at != '"' && *at != '\\') ++at;
  return at;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last + 1);
}

bool JsonReader::not_a_number(std::string_view token, const std::string& low,
                              const std::string& high, const JsonLocation& location) {
  if (!is_number(token)) return malformed(location, json_excerpt(token) + " is not a number");
  constexpr std::size_t shown_max = 40;
  std::string found(token.substr(0, shown_max));
  if (found.size() < token.size()) found += "...";
  if (low.empty()) return fail(location, "the number " + found + " is out of range");
  if (token.find_first_of(".eE") != std::string_view::npos) {
    return fail(location, "expected an integer, found " + found);
  }
  return fail(location, "expected an integer from " + low + " to " + high + ", found " + found);
}

bool JsonReader::null(const JsonLocation& location) {
  bool is_null = false;
  if (impl_->value.is_null().get(is_null) || !is_null) return mismatch(location, "null");
  return true;
}

bool JsonReader::boolean(bool& out, const JsonLocation& location) {
  return impl_->value.get_bool().get(out) == simdjson::SUCCESS || mismatch(location, "a boolean");
}

bool JsonReader::integer(std::int64_t& out, std::int64_t low, std::int64_t high,
                         const JsonLocation& location) {
  if (kind() != JsonKind::number) return mismatch(location, "an integer");
  const std::string_view token = impl_->value.raw_json_token();
  if (impl_->value.get_int64().get(out) == simdjson::SUCCESS && out >= low && out <= high) {
    return true;
  }
  return not_a_number(trimmed(token), std::to_string(low), std::to_string(high), location);
}

bool JsonReader::natural(std::uint64_t& out, std::uint64_t high, const JsonLocation& location) {
  if (kind() != JsonKind::number) return mismatch(location, "an integer");
  const std::string_view token = impl_->value.raw_json_token();
  if (impl_->value.get_uint64().get(out) == simdjson::SUCCESS && out <= high) return true;
  return not_a_number(trimmed(token), "0", std::to_string(high), location);
}

// The parser's own get_double is not used. simdjson 3.0.1 takes "0.", a few zeros and more than 19
// digits for a number that fits into 64 bits. Its result is wrong by orders of magnitude
// (parse_double).
bool JsonReader::real(double& out, const JsonLocation& location) {
  if (kind() != JsonKind::number) return mismatch(location, "a number");
  std::string_view token;
  if (!raw(token, location)) return false;
  if (parse_whole(token, out)) return true;
  // A number that is too small is a zero; std::from_chars does not tell it from one too large.
  if (impl_->value.get_double().get(out) == simdjson::SUCCESS) return true;
  return not_a_number(token, {}, {}, location);
}

bool JsonReader::real(float& out, const JsonLocation& location) {
  if (kind() != JsonKind::number) return mismatch(location, "a number");
  // Read by way of a double, it would be rounded twice.
  std::string_view token;
  if (!raw(token, location)) return false;
  if (parse_whole(token, out)) return true;
  return not_a_number(token, {}, {}, location);
}

bool JsonReader::text(std::string_view& out, const JsonLocation& location) {
  Impl& impl = *impl_;
  const char* const begin = impl.value.raw_json_token().data();
  if (*begin != '"') return mismatch(location, "a string");
  const char* const end = string_end(begin + 1);
  if (*end == '"') {
    out = {begin + 1, static_cast<std::size_t>(end - begin - 1)};
    od::raw_json_string ignored;
    const auto error = impl.value.get_raw_json_string().get(ignored);
    return error == simdjson::SUCCESS || impl.malformed(error);
  }
  const auto error = impl.value.get_string().get(out);
  if (error == simdjson::SUCCESS) return true;
  return malformed(location, "an escape in this string is not valid");
}

bool JsonReader::text(std::string& out, const JsonLocation& location) {
  std::string_view view;
  if (!text(view, location)) return false;
  out.assign(view);
  return true;
}

}  // namespace perdure
