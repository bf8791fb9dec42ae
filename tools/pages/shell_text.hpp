// SPDX-License-Identifier: BSL-1.0
// Text in scripts of shells.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace tools {

/// In single quotes, between which bash and zsh treat only the quote itself specially.
[[nodiscard]] std::string shell_quoted(const std::string& text);

/// `letters` of `text` get a backslash.
[[nodiscard]] std::string escaped(const std::string& text, const std::string& letters);

[[nodiscard]] std::string joined(const std::vector<std::string>& words,
                                 const std::string& separator = " ");

/// `script` with each name, between two @, replaced by its text.
[[nodiscard]] std::string filled_in(
    std::string script, std::initializer_list<std::pair<std::string, std::string>> names_and_texts);

}  // namespace tools
