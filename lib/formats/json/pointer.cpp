// SPDX-License-Identifier: BSL-1.0
// Builds and checks JSON Pointers, name by name.
#include "formats/json/pointer.hpp"

#include <algorithm>

namespace perdure::json_detail {

void append_name(std::string& pointer, std::string_view name) {
  pointer += '/';
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

std::string take_name(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const std::size_t size = std::min(pointer.find('/'), pointer.size());
  std::string name;
  for (std::size_t i = 0; i < size; ++i) {
    if (pointer[i] != '~') {
      name += pointer[i];
    } else if (++i < size) {
      name += pointer[i] == '0' ? '~' : '/';
    }
  }
  pointer.remove_prefix(size);
  return name;
}

std::string_view fault_of_pointer(std::string_view text) noexcept {
  if (!text.empty() && text.front() != '/') return "it begins with /, or is empty";
  for (std::size_t at = text.find('~'); at < text.size(); at = text.find('~', at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (next != '0' && next != '1') return "~ is written ~0, and / in a name is written ~1";
  }
  return {};
}

}  // namespace perdure::json_detail
