// SPDX-License-Identifier: BSL-1.0
// Contents that show by themselves whether they are complete.
#pragma once

#include <charconv>
#include <string>

namespace perdure::test {

/// Content number n: it begins with its number, from which its length and its letter follow.
inline std::string content_of(unsigned n) {
  std::string text = std::to_string(n) + ":";
  text.resize(1000 + n * 7919 % 60'000, static_cast<char>('a' + n % 26));
  return text + "\n";
}

/// Whether a text is one of these contents, and not a part or a mixture.
inline bool is_whole(const std::string& text) {
  unsigned n = 0;
  const char* const end = text.data() + text.size();
  return std::from_chars(text.data(), end, n).ec == std::errc() && text == content_of(n);
}

}  // namespace perdure::test
