// SPDX-License-Identifier: BSL-1.0
// Quotes and joins words of shells.
#include "pages/shell_text.hpp"

namespace tools {

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
    } else {
      out += letter;
    }
  }
  return out + "'";
}

std::string escaped(const std::string& text, const std::string& letters) {
  std::string out;
  for (const char letter : text) {
    if (letters.find(letter) != std::string::npos) out += '\\';
    out += letter;
  }
  return out;
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : separator) + word;
  return out;
}

std::string filled_in(std::string script,
                      std::initializer_list<std::pair<std::string, std::string>> names_and_texts) {
  for (const auto& [name, text] : names_and_texts) {
    const std::string mark = "@" + name + "@";
    for (auto at = script.find(mark); at != std::string::npos;
         at = script.find(mark, at + text.size())) {
      script.replace(at, mark.size(), text);
    }
  }
  return script;
}

}  // namespace tools
