// SPDX-License-Identifier: BSL-1.0
// The command line's own options and help.
#include "commands.hpp"

#include <iostream>
#include <memory>

#include <perdure/version.hpp>

#include "common/help_command.hpp"
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

void add_help(CLI::App& app, ExitStatus& status) {
  auto words = std::make_shared<std::vector<std::string>>();
  tools::add_help_command(app, *words, "state set")->callback([&app, &status, words] {
    for (std::string& word : *words) word = printable(word);  // an error names it
    const tools::Help help = tools::help_of(app, *words);
    std::cerr << help.fault;
    status = help.fault.empty() ? print_result(help.text) : ExitStatus::usage;
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
