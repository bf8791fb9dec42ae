// SPDX-License-Identifier: BSL-1.0
// `perdure remove`: a file, durably.
#include <memory>

#include <perdure/files.hpp>

#include "commands.hpp"
#include "options/commit.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "The name is gone after a power cut, too, once this returned. A symbolic link is removed, not\n"
    "what it leads to. A directory is refused. Of a root with a log, or of a tracked state, "
    "remove\n"
    "files by `apply --remove` and by the program itself.\n"
    "\n"
    "Examples:\n"
    "  perdure remove old.conf\n"
    "  V=$(perdure version-of ticket) && handle ticket && perdure remove --expect \"$V\" ticket\n";

struct RemoveCommand {
  std::string file;
  WriteOptions options;
  std::string expect;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const {
    WriteOptions wanted = options;
    if (!expect.empty()) wanted.expected = parse_version(expect).value();
    const auto removed = remove_file(file, wanted);
    if (!removed) return report(removed.error(), output);
    if (output.json) {
      print({{"fate", "done"}, {"durability", to_string(options.durability)}});
    } else if (!output.quiet) {
      print(printable(file) + ": removed, " + std::string(to_string(options.durability)) + "\n");
    }
    return ExitStatus::success;
  }
};

}  // namespace

void add_remove(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RemoveCommand>();
  CLI::App* sub = app.add_subcommand("remove", "Remove a file so that no power cut brings it back");
  sub->add_option("FILE", command->file, "The file, or the link")->required()->type_name("");
  add_durability_option(*sub, command->options.durability, "a power cut there may bring it back");
  add_expect_option(*sub, command->expect);
  add_lock_timeout_option(*sub, command->options.lock_timeout_ms);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
