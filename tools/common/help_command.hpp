// SPDX-License-Identifier: BSL-1.0
// `PROGRAM help COMMAND`, which prints the same as `PROGRAM COMMAND --help`.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Formatter.hpp>

namespace tools {

/// The subcommand that takes the words; they outlive `app`. `example`: such words.
inline CLI::App* add_help_command(CLI::App& app, std::vector<std::string>& words,
                                  const std::string& example) {
  CLI::App* help = app.add_subcommand("help", "Print the help of a command");
  help->add_option("COMMAND", words, "Its words: " + example)->type_name("");
  help->footer("Examples:\n  " + app.get_name() + " help " + example + "\n");
  return help;
}

/// One of the two is empty.
struct Help {
  std::string text;
  std::string fault;  ///< Why there is none.
};

/// The help of the command that these words name; without words, that of the program.
inline Help help_of(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* chosen = &app;
  std::string name = app.get_name();
  for (const std::string& word : words) {
    const auto found = chosen->get_subcommands([&word](const CLI::App* sub) {
      return sub->get_name() == word && !sub->get_group().empty();
    });
    if (found.empty()) {
      return {"", app.get_name() + " help: '" + word + "' is not a subcommand of '" + name +
                      "'; run `" + name + " --help`\n"};
    }
    chosen = found.front();
    name += " " + word;
  }
  // App::help would print the help of the chosen subcommand, which is `help`.
  return {chosen->get_formatter()->make_help(chosen, name, CLI::AppFormatMode::Normal), ""};
}

}  // namespace tools
