// SPDX-License-Identifier: BSL-1.0
// Writes the manual pages and completions of a program into a folder.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace tools {

/// Writes, beneath `folder`: man1/NAME.1 for the program and for each subcommand, bash/NAME,
/// zsh/_NAME and fish/NAME.fish, and removes older pages of the program. `package` is the name and
/// version of the program's package. Throws a std::exception; files that were written before it
/// stay.
void write_pages(const CLI::App& app, const std::string& package, const std::string& folder);

/// The main function of a program that does this for the folder in its arguments: returns its exit
/// status.
[[nodiscard]] int write_pages_main(const CLI::App& app, const std::string& package, int argc,
                                   char** argv);

}  // namespace tools
