// SPDX-License-Identifier: BSL-1.0
// Puts the position of a value into words, for errors.
#include <algorithm>
#include <string>
#include <string_view>

#include <perdure/json/location.hpp>

#include "formats/json/pointer.hpp"

namespace perdure {
namespace {

constexpr std::size_t shown_max = 64;

bool is_plain(std::string_view key) {
  return !key.empty() && key.size() <= shown_max && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace

std::string json_excerpt(std::string_view text) {
  std::size_t shown = text.size();
  if (shown > shown_max) {
    shown = shown_max;  // but not in the middle of a character
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xC0U) == 0x80U) --shown;
  }
  std::string out = "\"";
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return out += shown < text.size() ? "...\"" : "\"";
}

std::string JsonLocation::text() const {
  if (up == nullptr) return "top level";
  std::string before = up->up == nullptr ? std::string() : up->text();
  if (element) return before + '[' + std::to_string(index) + ']';
  if (!is_plain(key)) return before + '[' + json_excerpt(key) + ']';
  if (!before.empty()) before += '.';
  return before.append(key);
}

bool JsonLocation::pointer_to(std::string& pointer) const {
  if (up == nullptr) return true;
  if (element || !up->pointer_to(pointer)) return false;
  json_detail::append_name(pointer, key);
  return true;
}

}  // namespace perdure
