// SPDX-License-Identifier: BSL-1.0
// `perdure recover` and `perdure inspect`: what a crash left in a root.
#include <memory>

#include <perdure/transaction.hpp>

#include "commands.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view recover_examples =
    "Finishes the transaction that a crash interrupted, if it was committed, and removes what "
    "never\n"
    "was. The next apply does the same by itself. It may be killed and run again at any point.\n"
    "\n"
    "Examples:\n"
    "  perdure recover site\n"
    "  perdure recover --abandon site    for a root that can't be finished: sets journal and "
    "staged\n"
    "                                    files aside and says which paths are old and which new\n";

constexpr std::string_view inspect_examples =
    "Says what recover would do, and changes nothing.\n"
    "\n"
    "Examples:\n"
    "  perdure inspect site\n"
    "  perdure inspect --json site | jq '.paths[] | select(.step == \"redo\").path'\n";

enum class RecoveryMode { recovered, abandoned, inspected };

boost::json::object to_json(const RecoveryReport& report) {
  boost::json::array paths;
  for (const auto& path : report.paths) {
    paths.push_back(
        {{"path", utf8(path.path)}, {"action", path.action}, {"step", to_string(path.step)}});
  }
  return {{"journal", report.journal},     {"id", report.id},
          {"damage", report.damage},       {"paths", std::move(paths)},
          {"discarded", report.discarded}, {"set_aside", utf8(report.set_aside)}};
}

std::string_view words_for(RecoveryStep step, RecoveryMode mode) {
  switch (step) {
    case RecoveryStep::done:
      return "is new            ";
    case RecoveryStep::redo:
      return mode == RecoveryMode::recovered   ? "put in place      "
             : mode == RecoveryMode::abandoned ? "is old            "
                                               : "to be put in place";
    case RecoveryStep::foreign:
      return "changed by others ";
    case RecoveryStep::lost:
      return "can't be finished ";
  }
  return "";
}

std::string to_text(const std::string& root, const RecoveryReport& report, RecoveryMode mode) {
  std::string text = printable(root) + ": ";
  const bool read = !report.id.empty();
  if (!report.damage.empty() && !read) {
    text += "its journal can't be read: " + printable(report.damage) + "\n";
  } else if (!report.journal) {
    text += "at rest, no transaction to finish\n";
  } else {
    text += "transaction " + printable(report.id) + ", " + std::to_string(report.paths.size()) +
            " paths\n";
    if (!report.damage.empty()) text += "  damage: " + printable(report.damage) + "\n";
  }
  for (const auto& path : report.paths) {
    text += "  " + std::string(words_for(path.step, mode)) + "  " + printable(path.path) + " (" +
            path.action + ")\n";
  }
  if (report.discarded > 0) {
    text += "  " + std::to_string(report.discarded) + " staged files that were never committed " +
            (mode == RecoveryMode::inspected ? "are left\n" : "were removed\n");
  }
  if (!report.set_aside.empty()) {
    text += "  set aside in " + printable(report.set_aside) + "\n";
  }
  return text;
}

struct RecoverCommand {
  std::string root;
  bool abandoning = false;
  OutputOptions output;

  [[nodiscard]] ExitStatus run(bool inspecting) const {
    const auto done = inspecting ? inspect(root) : abandoning ? abandon(root) : recover(root);
    if (!done) return report(done.error(), output);
    const RecoveryMode mode = inspecting   ? RecoveryMode::inspected
                              : abandoning ? RecoveryMode::abandoned
                                           : RecoveryMode::recovered;
    if (output.json) return print_result(to_json(done.value()));
    return output.quiet ? ExitStatus::success : print_result(to_text(root, done.value(), mode));
  }
};

CLI::App* add_command(CLI::App& app, const std::shared_ptr<RecoverCommand>& command,
                      const std::string& name, const std::string& words,
                      std::string_view examples) {
  CLI::App* sub = app.add_subcommand(name, words);
  sub->add_option("ROOT", command->root, "A directory that transactions were committed to")
      ->required()
      ->type_name("");
  add_json_option(*sub, command->output);
  sub->footer(help_footer(examples));
  return sub;
}

}  // namespace

void add_recover(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RecoverCommand>();
  CLI::App* sub = add_command(app, command, "recover", "Finish what a crash interrupted in a root",
                              recover_examples);
  sub->add_flag("--abandon", command->abandoning, "Set it aside as evidence instead");
  add_quiet_option(*sub, command->output);
  sub->callback([command, &status] { status = command->run(false); });
}

void add_inspect(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<RecoverCommand>();
  CLI::App* sub =
      add_command(app, command, "inspect", "Say what recover would do in a root", inspect_examples);
  sub->callback([command, &status] { status = command->run(true); });
}

}  // namespace perdure::cli
