// SPDX-License-Identifier: BSL-1.0
// `perdure version-of`: the version of a file, as a token.
#include <memory>

#include <perdure/files.hpp>

#include "commands.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "The token names one state of the file: it changes when the file is written, replaced,\n"
    "renamed or given another mode, and when its file system is mounted under another number.\n"
    "With --content it names the content: it holds across reboots, copies and changes of mode\n"
    "or name, and costs reading the file. `absent` stands for no file. Links are followed.\n"
    "\n"
    "Examples:\n"
    "  perdure version-of count\n"
    "  V=$(perdure version-of count)                 take the token first, then read the file:\n"
    "  N=$(( $(cat count) + 1 ))                     so a change in between can't go unseen\n"
    "  echo \"$N\" | perdure write --expect \"$V\" count    status 4 if somebody was faster\n";

struct VersionCommand {
  std::string file;
  bool content = false;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const {
    const auto version = content ? read_content_version(file) : read_version(file);
    if (!version) return report(version.error(), output);
    const std::string token = to_string(version.value());
    if (output.json) return print_result({{"version", token}});
    return print_result(token + "\n");
  }
};

}  // namespace

void add_version_of(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<VersionCommand>();
  CLI::App* sub = app.add_subcommand("version-of", "Print the token that write --expect takes");
  sub->add_option("FILE", command->file, "The file; it need not exist")->required()->type_name("");
  sub->add_flag("--content", command->content, "Name the content, in whatever file it is");
  add_json_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
