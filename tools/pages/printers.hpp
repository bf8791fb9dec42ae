// SPDX-License-Identifier: BSL-1.0
// Prints a tree of commands. Each function returns the content of one file.
#pragma once

#include <string>

#include "pages/command_tree.hpp"

namespace tools {

/// The manual page of one command, in section 1, for man(7). `package` is the name and version of
/// its package; `parent` is the command that has it as a subcommand, or null.
[[nodiscard]] std::string man_page(const Command& command, const Command* parent,
                                   const std::string& package);

/// Completion of a program with all its subcommands. Bash's needs the package bash-completion only
/// to be found.
[[nodiscard]] std::string bash_completion(const Command& program);
[[nodiscard]] std::string zsh_completion(const Command& program);
[[nodiscard]] std::string fish_completion(const Command& program);

}  // namespace tools
