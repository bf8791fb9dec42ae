// SPDX-License-Identifier: BSL-1.0
// `perdure recover` and `perdure inspect`: what a crash left in a root.
#include <memory>

#include <perdure/transaction.hpp>

#include "commands.hpp"
#include "options/commit.hpp"
#include "terminal/recovery.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view recover_examples =
    "Finishes the transaction that a crash interrupted, if it was committed, and removes what "
    "never\n"
    "was. The next apply does the same by itself. It may be killed and run again at any point.\n"
    "A root that lost its private directory (to git, say) gets an empty one.\n"
    "\n"
    "Examples:\n"
    "  perdure recover site\n"
    "  perdure recover --abandon site    for a root that can't be finished: sets journal and "
    "staged\n"
    "                                    files aside and says which paths are old and which new\n";

constexpr std::string_view inspect_examples =
    "Says what recover would do, and changes nothing. It ends with the status that recover would\n"
    "end with: 5 where a person has to decide.\n"
    "\n"
    "Examples:\n"
    "  perdure inspect site\n"
    "  perdure inspect --json site | jq '.paths[] | select(.step == \"redo\").path'\n";

struct RecoverCommand {
  std::string root;
  bool abandoning = false;
  Durability durability = Durability::durable;
  TransactionOptions options;
  OutputOptions output;

  [[nodiscard]] ExitStatus run(bool inspecting) const {
    TransactionOptions wanted = options;
    wanted.durability = durability;
    const auto done = inspecting   ? inspect(root, wanted)
                      : abandoning ? abandon(root, wanted)
                                   : recover(root, wanted);
    if (!done) return report(done.error(), output);
    const RecoveryMode mode = inspecting   ? RecoveryMode::inspected
                              : abandoning ? RecoveryMode::abandoned
                                           : RecoveryMode::recovered;
    const bool printed = output.json ? print(to_json(done.value()))
                                     : output.quiet || print(to_text(root, done.value(), mode));
    if (!inspecting) return ExitStatus::success;  // it is done, told or not
    return printed ? status_of_inspected(done.value()) : ExitStatus::failed;
  }
};

CLI::App* add_command(CLI::App& app, const std::shared_ptr<RecoverCommand>& command,
                      const std::string& name, const std::string& words,
                      std::string_view examples) {
  CLI::App* sub = app.add_subcommand(name, words);
  sub->add_option("ROOT", command->root, "A directory that transactions were committed to")
      ->required()
      ->type_name("");
  add_private_directory_option(*sub, command->options.private_directory);
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
  add_durability_option(*sub, command->durability, "needed there after an apply with it");
  add_lock_timeout_option(*sub, command->options.lock_timeout_ms);
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
