// SPDX-License-Identifier: BSL-1.0
// Writes the manual pages and completions of a program into a folder.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace tools {

/// Writes, beneath `folder`: man1/NAME.1 for the program and for each subcommand, bash/NAME,
/// zsh/_NAME and fish/NAME.fish, and takes older pages of it away. `package` is name and version of
/// what the program belongs to. Throws a std::exception; what was written before that stays.
void write_pages(const CLI::App& app, const std::string& package, const std::string& folder);

/// The same as a program that is called with the folder: returns its exit status.
[[nodiscard]] int write_pages_main(const CLI::App& app, const std::string& package, int argc,
                                   char** argv);

}  // namespace tools
