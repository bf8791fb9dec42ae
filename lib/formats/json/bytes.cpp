// SPDX-License-Identifier: BSL-1.0
// Bytes in base64, there and back.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/json/bytes.hpp>

#include "formats/json/parsed.hpp"

namespace perdure {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char padding = '=';

std::string to_base64(Bytes bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i > bytes.size() ? padding : digits[group >> (18 - 6 * i) & 63U];
    }
  }
  return text;
}

/// False for a text that `to_base64` does not write.
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
      const std::size_t digit = i < count ? digits.find(text[i]) : 0;
      if (digit == std::string_view::npos) return false;
      group = group << 6U | static_cast<std::uint32_t>(digit);
    }
    if ((group & ((1U << (8 * (4 - count))) - 1)) != 0) return false;  // bits that no byte has
    for (std::size_t i = 0; i + 1 < count; ++i) {
      out.push_back(static_cast<std::byte>(group >> (16 - 8 * i) & 255U));
    }
  }
  return true;
}

}  // namespace

bool read_json(JsonReader& reader, std::vector<std::byte>& out, const JsonLocation& location) {
  return json_detail::read_parsed(reader, location, "bytes in base64",
                                  [&](std::string_view text) { return from_base64(text, out); });
}

bool write_json(JsonWriter& writer, const std::vector<std::byte>& value,
                const JsonLocation& location) {
  return json_detail::write_bytes(writer, value, location);
}

bool json_detail::read_bytes(JsonReader& reader, std::span<std::byte> out,
                             const JsonLocation& location) {
  Buffer bytes;
  if (!read_json(reader, bytes, location)) return false;
  if (bytes.size() != out.size()) {
    return reader.fail(location, "expected " + std::to_string(out.size()) + " bytes, found " +
                                     std::to_string(bytes.size()));
  }
  std::ranges::copy(bytes, out.begin());
  return true;
}

bool json_detail::write_bytes(JsonWriter& writer, Bytes value, const JsonLocation& location) {
  return writer.text(to_base64(value), location);
}

}  // namespace perdure
