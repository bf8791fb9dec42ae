// SPDX-License-Identifier: BSL-1.0
// Takes the members of a stamp, and verifies the checksum.
#include "formats/json/stamp_fields.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include <perdure/json/moment.hpp>

#include "base/checksum.hpp"
#include "base/make_error.hpp"
#include "base/parse.hpp"

namespace perdure {
namespace {

constexpr unsigned generation_bit = 1;
constexpr unsigned last_updated_bit = 2;
constexpr unsigned checksum_bit = 4;
constexpr unsigned stamp_bits = generation_bit | last_updated_bit | checksum_bit;

constexpr std::string_view how_to_accept =
    "to put a previous generation back, run `perdure state restore`; to accept it as it is, run "
    "`perdure state accept`, or delete the members generation, last_updated and checksum";

unsigned bit_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < stamp_names.size(); ++i) {
    if (name == stamp_names[i]) return 1U << i;
  }
  return 0;
}

Error corrupt(std::string detail) {
  return reading(make_error("check the state", {}, ErrorKind::corrupt, std::move(detail)));
}

/// The text is intact, but a member of the state itself has the name: that is not damage, and must
/// not be overwritten.
Error refused() {
  return reading(
      make_error("check the state", {}, ErrorKind::serializer,
                 "lineage: the tracker writes a member of this name itself, and did not write "
                 "this one; rename it"));
}

/// The text between the quotes. The writer never escapes here, so a reader need not understand it.
bool unquote(std::string_view& text) {
  if (text.size() < 2 || text.front() != '"') return false;
  text = text.substr(1, text.size() - 2);
  return text.find('\\') == std::string_view::npos;
}

bool parse_moment(std::string_view text, StampTime& out) {
  JsonMoment moment;
  if (!unquote(text) || !parse_time(text, moment)) return false;
  std::int64_t count = 0;
  if (!moment.in_nanoseconds(count)) return false;
  out = StampTime(std::chrono::nanoseconds(count));
  return true;
}

constexpr std::size_t lineage_digits = 16;
constexpr std::string_view lineage_from = " from ";
constexpr std::string_view lineage_at = " at ";

/// One spelling for each number: 16 lower-case hexadecimal digits.
std::string lineage_number(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(lineage_digits, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number >>= 4U) *at = digits[number & 15U];
  return text;
}

bool take_lineage_number(std::string_view& text, std::uint64_t& out) {
  const std::string_view digits = text.substr(0, lineage_digits);
  const char* const end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, out, 16).ptr != end) return false;
  text.remove_prefix(digits.size());
  return lineage_number(out) == digits;
}

bool take_words(std::string_view& text, std::string_view words) {
  if (!text.starts_with(words)) return false;
  text.remove_prefix(words.size());
  return true;
}

bool parse_lineage(std::string_view text, Lineage& out) {
  Lineage read;
  if (!unquote(text) || !take_lineage_number(text, read.id) || read.id == 0) return false;
  if (!text.empty()) {
    if (!take_words(text, lineage_from) || !take_lineage_number(text, read.from) ||
        read.from == 0 || !take_words(text, lineage_at) ||
        !parse_whole(text, read.from_generation) || std::to_string(read.from_generation) != text) {
      return false;
    }
  }
  out = read;
  return true;
}

std::string list_of(unsigned bits) {
  std::string out;
  for (std::size_t i = 0; i < stamp_names.size(); ++i) {
    if ((bits & (1U << i)) == 0) continue;
    if (!out.empty()) out += " and ";
    out += stamp_names[i];
  }
  return out;
}

}  // namespace

std::string lineage_text(const Lineage& lineage) {
  std::string text = '"' + lineage_number(lineage.id);
  if (lineage.from != 0) {
    text.append(lineage_from).append(lineage_number(lineage.from));
    text.append(lineage_at).append(std::to_string(lineage.from_generation));
  }
  return text + '"';
}

bool StampFields::owns(std::string_view name) noexcept {
  return bit_of(name) != 0;
}

bool StampFields::take(std::string_view name, std::string_view value) {
  const unsigned bit = bit_of(name);
  if ((seen_ & bit) != 0) return false;
  seen_ |= bit;
  std::string_view expected;
  if (bit == generation_bit) {
    if (!parse_whole(value, stamp_.generation)) expected = "a positive integer of 64 bits";
  } else if (bit == last_updated_bit) {
    if (!parse_moment(value, stamp_.last_updated)) expected = "a time as 2026-01-31T12:00:00Z";
  } else if (bit == checksum_bit) {
    checksum_ = value;
    if (!unquote(checksum_)) expected = "a string without escapes";
  } else if (name == "lineage") {
    foreign_ = !parse_lineage(value, stamp_.lineage);
  } else if (!parse_whole(value, stamp_.schema_version)) {
    expected = "a positive integer of 32 bits";
  }
  if (!expected.empty()) damage_ = std::string(name) + ": expected " + std::string(expected);
  return true;
}

void StampFields::keep(const JsonLocation& at, std::string_view value) {
  std::string object;
  if (at.up->pointer_to(object)) {
    stamp_.unknown[std::move(object)].push_back({std::string(at.key), std::string(value)});
  }
}

Result<bool> StampFields::verify(std::string_view text) const {
  const unsigned found = seen_ & stamp_bits;
  if (found == 0 && damage_.empty()) return foreign_ ? refused() : Result<bool>(false);
  if (found != 0 && found != stamp_bits) {
    return corrupt("it has " + list_of(found) + ", but no " + list_of(stamp_bits & ~found) +
                   ": damaged, or edited by hand; " + std::string(how_to_accept));
  }
  if (!damage_.empty()) {
    return corrupt(damage_ + ": damaged, or edited by hand; " + std::string(how_to_accept));
  }
  const auto begin = static_cast<std::size_t>(checksum_.data() - text.data());
  Checksum sum;
  sum.update(as_bytes(text.substr(0, begin)));
  sum.update(as_bytes(text.substr(begin + checksum_.size())));
  if (checksum_ != std::string(checksum_prefix) + sum.hexadecimal()) {
    return corrupt("the checksum does not match: damaged, or edited by hand; " +
                   std::string(how_to_accept));
  }
  return foreign_ ? refused() : Result<bool>(true);
}

}  // namespace perdure
