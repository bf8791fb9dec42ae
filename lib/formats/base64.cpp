// SPDX-License-Identifier: BSL-1.0
// Three bytes are four digits of six bits each.
#include "formats/base64.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace perdure {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char padding = '=';
constexpr std::uint8_t none = 255;

/// The value of each digit.
constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(none);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    table[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

}  // namespace

std::string to_base64(Bytes bytes) {
  std::string text;
  append_base64(bytes, text);
  return text;
}

void append_base64(Bytes bytes, std::string& text) {
  const std::size_t begin = text.size();
  text.resize(begin + (bytes.size() + 2) / 3 * 4, padding);
  char* out = text.data() + begin;
  const auto group_of = [](Bytes three) {
    return std::to_integer<std::uint32_t>(three[0]) << 16U |
           std::to_integer<std::uint32_t>(three[1]) << 8U |
           std::to_integer<std::uint32_t>(three[2]);
  };
  const auto put = [&out](std::uint32_t group, unsigned count) {
    for (unsigned i = 0; i < count; ++i) out[i] = digits[group >> (18 - 6 * i) & 63U];
    out += 4;
  };
  for (; bytes.size() >= 3; bytes = bytes.subspan(3)) put(group_of(bytes), 4);
  if (bytes.empty()) return;
  std::array<std::byte, 3> last{};
  std::ranges::copy(bytes, last.begin());
  put(group_of(last), static_cast<unsigned>(bytes.size()) + 1);
}

bool from_base64(std::string_view text, Buffer& out) {
  out.clear();
  if (text.size() % 4 != 0) return false;
  out.reserve(text.size() / 4 * 3);
  for (; !text.empty(); text.remove_prefix(4)) {
    std::size_t count = 4;
    if (text.size() == 4) {
      while (count > 2 && text[count - 1] == padding) --count;
    }
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t digit = i < count ? values[static_cast<unsigned char>(text[i])] : 0;
      if (digit == none) return false;
      group = group << 6U | digit;
    }
    if ((group & ((1U << (8 * (4 - count))) - 1)) != 0) return false;  // bits that no byte has
    for (std::size_t i = 0; i + 1 < count; ++i) {
      out.push_back(static_cast<std::byte>(group >> (16 - 8 * i) & 255U));
    }
  }
  return true;
}

}  // namespace perdure
