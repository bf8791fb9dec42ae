// SPDX-License-Identifier: BSL-1.0
// `perdure backup`: a copy of a root, made while others commit.
#include <iostream>
#include <memory>
#include <unistd.h>

#include <perdure/root_copy.hpp>

#include "commands.hpp"
#include "options/commit.hpp"
#include "terminal/byte_progress.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "The copy is ROOT as it was at one moment: all of each transaction, or nothing. It appears\n"
    "under its name as a whole and durable, or not at all. Others commit in the meantime; in the "
    "end\n"
    "they wait while what changed since is copied.\n"
    "\n"
    "A backup that was killed goes on where it was when it is run again. Until it is whole it "
    "lies\n"
    "beside DIR, as .DIR.perdure-copy; remove that to give up. A program that holds ROOT open, to\n"
    "commit through its log, copies it by Root::copy_to.\n"
    "\n"
    "Examples:\n"
    "  perdure backup site /backup/site-2026-11-30\n"
    "  perdure backup --json site copy | jq .bytes\n"
    "  perdure write copy.json --keep --verify --from app.json    a single file\n";

struct BackupCommand {
  std::string root;
  std::string destination;
  bool unchecked = false;
  TransactionOptions options;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const;
  void tell(const CopyReport& made) const;
};

ExitStatus BackupCommand::run() const {
  const bool shown = !output.quiet && ::isatty(STDERR_FILENO) == 1;
  ByteProgress progress(*options.system.files, std::cerr, shown);
  TransactionOptions of_root = options;
  of_root.system.files = &progress.files();
  CopyOptions wanted;
  wanted.checking = !unchecked;
  wanted.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (done == total) progress.syncing();
  };
  const auto made = copy_root(root, destination, wanted, of_root);
  progress.end();
  if (!made) return report(made.error(), output);
  tell(made.value());
  return ExitStatus::success;
}

void BackupCommand::tell(const CopyReport& made) const {
  if (output.json) {
    boost::json::array left_out;
    for (const auto& path : made.left_out) left_out.emplace_back(utf8(path));
    print({{"fate", "done"},
           {"files", made.files},
           {"directories", made.directories},
           {"symlinks", made.symlinks},
           {"bytes", made.bytes},
           {"kept", made.kept},
           {"narrowed", made.narrowed},
           {"passes", made.passes},
           {"held_ms", static_cast<double>(made.held.count()) / 1e6},
           {"checked", !unchecked},
           {"left_out", std::move(left_out)}});
  } else if (!output.quiet) {
    const std::string kept =
        made.kept == 0 ? "" : ", " + std::to_string(made.kept) + " of them from an earlier call";
    print(printable(destination) + ": a copy of " + std::to_string(made.files) +
          (made.files == 1 ? " file" : " files") + kept + ", " + human_size(made.bytes) +
          (unchecked ? "" : ", checked") + "; others waited " + milliseconds(made.held) + "\n");
    if (made.narrowed == 0) return;
    std::cerr << "perdure: " << made.narrowed
              << " of them give a group fewer rights: only root can keep the groups\n";
  }
}

}  // namespace

void add_backup(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<BackupCommand>();
  CLI::App* sub = app.add_subcommand("backup", "Copy a root while others commit to it");
  sub->add_option("ROOT", command->root, "A directory that transactions were committed to")
      ->required()
      ->type_name("");
  sub->add_option("DIR", command->destination, "The copy, which must not exist yet")
      ->required()
      ->type_name("");
  sub->add_flag("--no-check", command->unchecked,
                "Do not read the copy back from the disk to compare it");
  add_private_directory_option(*sub, command->options.private_directory);
  add_lock_timeout_option(*sub, command->options.lock_timeout_ms);
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
