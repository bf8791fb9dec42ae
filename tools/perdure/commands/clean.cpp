// SPDX-License-Identifier: BSL-1.0
// `perdure clean`: removes what killed committers left.
#include <memory>

#include <boost/json/array.hpp>

#include <perdure/clean.hpp>

#include "commands.hpp"

namespace perdure::cli {

namespace {

constexpr std::string_view examples =
    "A commit that was killed leaves its temp beside the target. This removes those that nobody\n"
    "has open any more, and never anything else: running commits are safe.\n"
    "On FUSE, overlays and network file systems the kernel does not see every writer: there it\n"
    "lists the temps as 'not ours' and removes none. Stop all committers, then remove them by "
    "hand.\n"
    "A transaction's own temps are left to `perdure recover`.\n"
    "\n"
    "Examples:\n"
    "  perdure clean --dry-run /var/lib/app\n"
    "  perdure clean /var/lib/app\n"
    "  perdure clean --recursive --locks old-site\n"
    "  perdure clean --json . | jq -r '.removed[]'\n";

boost::json::array names(const std::vector<std::string>& list) {
  boost::json::array array;
  for (const auto& name : list) array.emplace_back(utf8(name));
  return array;
}

struct CleanCommand {
  std::string directory;
  CleanOptions options;
  OutputOptions output;

  [[nodiscard]] ExitStatus run() const {
    const auto done = clean(directory, options);
    if (!done) return report(done.error(), output);
    const CleanReport& found = done.value();
    const bool printed = tell(found);
    return printed || !options.dry_run ? ExitStatus::success : ExitStatus::failed;
  }

  [[nodiscard]] bool tell(const CleanReport& found) const {
    if (output.json) {
      return print({{"directory", utf8(directory)},
                    {"dry_run", options.dry_run},
                    {"removed", names(found.removed)},
                    {"live", names(found.live)},
                    {"skipped", names(found.skipped)}});
    }
    std::string text;
    const auto add = [&](std::string_view word, const std::vector<std::string>& list) {
      for (const auto& name : list) text.append(word).append(printable(name)).append("\n");
    };
    if (!output.quiet) {
      add(options.dry_run ? "would remove  " : "removed       ", found.removed);
      add("in use        ", found.live);
      add("not ours      ", found.skipped);
    }
    return print(text);
  }
};

}  // namespace

void add_clean(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<CleanCommand>();
  CLI::App* sub = app.add_subcommand("clean", "Remove stale temps that killed commits left");
  sub->add_option("DIR", command->directory, "The directory to clean")->required()->type_name("");
  sub->add_flag("-n,--dry-run", command->options.dry_run, "Only say what would be removed");
  sub->add_flag("-r,--recursive", command->options.recursive,
                "In the directories below, too, on the same file system;\n"
                "links are not followed");
  sub->add_flag("--locks", command->options.locks,
                "Lock files that nobody holds, too. They cost nothing: this\n"
                "is for a directory that nobody commits to any more");
  add_json_option(*sub, command->output);
  add_quiet_option(*sub, command->output);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
