// SPDX-License-Identifier: BSL-1.0
// The command line's own options and help.
#include "commands.hpp"

#include <iostream>
#include <memory>

#include <perdure/version.hpp>

#include "common/help_formatter.hpp"

namespace perdure::cli {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  generate | perdure write data.json      old or new, never in between\n"
    "  perdure version-of data.json            a token for write --expect\n"
    "  perdure probe .                         what commits stand on here\n"
    "  perdure bench .                         what they cost here\n"
    "  perdure clean .                         remove what killed commits left\n"
    "  perdure state set app.json /limit 8     change a tracked state\n"
    "  perdure apply site --from new           many files, all or none\n"
    "  perdure write --help                    more of them\n";

/// `perdure help state set` is `perdure state set --help`.
void add_help(CLI::App& app, ExitStatus& status) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* help = app.add_subcommand("help", "Print the help of a command");
  help->add_option("COMMAND", *words, "Its words: state set")->type_name("");
  help->callback([&app, &status, words] {
    const CLI::App* chosen = &app;
    std::string name = app.get_name();
    for (const std::string& word : *words) {
      const auto found =
          chosen->get_subcommands([&word](const CLI::App* sub) { return sub->get_name() == word; });
      if (found.empty()) {
        std::cerr << "perdure help: '" << printable(word) << "' is not a subcommand of '" << name
                  << "'; run `" << name << " --help`\n";
        status = ExitStatus::usage;
        return;
      }
      chosen = found.front();
      name += " " + word;
    }
    // App::help would print that of the subcommand which was chosen: this one.
    status =
        print_result(chosen->get_formatter()->make_help(chosen, name, CLI::AppFormatMode::Normal));
  });
}

}  // namespace

void add_all(CLI::App& app, ExitStatus& status) {
  app.name("perdure");
  app.description("Commits files so that they are old or new, never in between.");
  tools::set_help_formatter(app);
  app.set_version_flag("--version", "perdure " PERDURE_VERSION);
  app.require_subcommand(1);
  for (const auto add : {add_write, add_remove, add_version_of, add_probe, add_clean, add_apply,
                         add_backup, add_recover, add_inspect, add_state, add_bench}) {
    add(app, status);
  }
  add_help(app, status);
  app.footer(help_footer(examples));
}

}  // namespace perdure::cli
