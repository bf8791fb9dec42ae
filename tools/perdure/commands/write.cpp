// SPDX-License-Identifier: BSL-1.0
// `perdure write`: standard input or a file becomes the target.
#include <charconv>
#include <iostream>
#include <memory>
#include <unistd.h>
#include <vector>

#include <perdure/atomic_file.hpp>

#include "commands.hpp"
#include "common/progress.hpp"
#include "common/usage_words.hpp"
#include "options/commit.hpp"
#include "options/owner.hpp"
#include "sources/input.hpp"
#include "terminal/interrupts.hpp"

namespace perdure::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t block_size = std::size_t{256} * 1024;

constexpr std::string_view examples =
    "Examples:\n"
    "  sort -u names.txt | perdure write names.txt    the input may be the target itself\n"
    "  perdure write app.conf --from app.conf.new\n"
    "  perdure write --backup=.old app.conf < new     app.conf.old is the old content\n"
    "  perdure write --keep id < candidate            of many writers one wins, the others get 4\n"
    "  V=$(perdure version-of n); N=$(( $(cat n) + 1 ))\n"
    "  echo \"$N\" | perdure write --expect \"$V\" n      4 if somebody was faster: read again\n"
    "  perdure write --json big.iso --from - < big.iso | jq .stages\n"
    "\n"
    "The input is streamed into a temp beside FILE; FILE changes at its end, all at once. A\n"
    "producer in a pipe that dies looks like one that is done: where that matters, let it write a\n"
    "file and use --from once it succeeded.\n"
    "SIGINT, SIGTERM and SIGHUP before the end of the input: FILE is unchanged, no temp is left.\n"
    "After it they wait for the commit. SIGKILL at any moment: FILE is old or new, and a temp may\n"
    "be left (perdure clean).\n"
    "Once committed the status is 0, even if the report can't be written to standard output (a\n"
    "word on standard error says so).\n";

std::string check_mode(const std::string& text) {
  std::uint32_t mode = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, mode, 8);
  if (error == std::errc{} && stop == end && mode <= 07777) return {};
  return "'" + text + "' is not an octal mode from 0 to 7777";
}

json::object to_json(const Receipt& receipt) {
  return {{"fate", "done"},
          {"bytes", receipt.bytes},
          {"durability", to_string(receipt.durability)},
          {"protocol", to_string(receipt.protocol)},
          {"confirmed", receipt.confirmed},
          {"version", to_string(receipt.version)},
          {"stages", stages_json(receipt.stages)}};
}

struct WriteCommand {
  std::string file;
  std::string from = "-";
  std::string durability = "durable";
  ProtocolChoice protocol = ProtocolChoice::portable;
  std::string symlink = "follow";
  std::string backup;
  std::string mode;
  std::string owner;
  std::string group;
  std::string expect;
  bool fixed = false;
  bool keep_special = false;
  bool keep = false;
  bool refuse_read_only = false;
  bool parents = false;
  bool verify = false;
  bool verbose = false;
  std::chrono::milliseconds lock_timeout_ms = WriteOptions().lock_timeout_ms;
  OutputOptions output;

  [[nodiscard]] WriteOptions options() const;
  [[nodiscard]] ExitStatus run() const;
  /// Copies the input. Returns the signal that came before the end, if one did.
  Result<std::optional<int>> copy(Input& input, Interrupts& interrupts, Progress& progress,
                                  AtomicFile& target) const;
  /// The same for input that comes in pieces.
  Result<std::optional<int>> stream(Input& input, Interrupts& interrupts, Progress& progress,
                                    AtomicFile& target) const;
  void tell(const Receipt& receipt) const;
};

WriteOptions WriteCommand::options() const {
  WriteOptions options;
  options.durability = durability == "none"      ? Durability::none
                       : durability == "ordered" ? Durability::ordered
                                                 : Durability::durable;
  options.protocol = protocol;
  options.symlink = symlink == "replace"  ? SymlinkPolicy::replace
                    : symlink == "refuse" ? SymlinkPolicy::refuse
                                          : SymlinkPolicy::follow;
  if (keep) options.existing = ExistingPolicy::keep;
  if (!backup.empty()) {
    options.existing = ExistingPolicy::backup;
    options.backup_suffix = backup;
  }
  if (!mode.empty()) {
    std::uint32_t bits = 0;
    std::from_chars(mode.data(), mode.data() + mode.size(), bits, 8);
    options.metadata = fixed ? Metadata::fixed(bits) : Metadata::preserve_with_mode(bits);
  }
  // The parser has checked these names.
  if (!owner.empty()) options.metadata.owner = find_user(owner);
  if (!group.empty()) options.metadata.group = find_group(group);
  options.metadata.keep_special = keep_special;
  options.refuse_read_only = refuse_read_only;
  options.make_parents = parents;
  options.verify = verify;
  options.lock_timeout_ms = lock_timeout_ms;
  if (!expect.empty()) options.expected = parse_version(expect).value();
  options.report_version = output.json;
  return options;
}

/// A file that was opened by its path: the kernel copies it, and shares its blocks where it can.
Result<std::optional<int>> WriteCommand::copy(Input& input, Interrupts& interrupts,
                                              Progress& progress, AtomicFile& target) const {
  constexpr std::uint64_t piece = std::uint64_t{64} << 20U;
  const auto source = static_cast<Handle>(input.descriptor());
  for (std::uint64_t offset = 0;;) {
    const auto signal = interrupts.pending();
    if (!signal) return input.failure("wait for the input", signal.error());
    if (signal.value()) return signal.value();
    const auto count = target.append_from(source, offset, piece);
    if (!count && count.error().reading) {
      return input.failure("read the input", count.error().cause);
    }
    if (!count) return count.error();
    if (count.value() == 0) break;
    offset += count.value();
    progress.advance(count.value(), std::chrono::steady_clock::now());
  }
  const auto signal = interrupts.pending();
  if (!signal) return input.failure("wait for the input", signal.error());
  return signal.value();
}

Result<std::optional<int>> WriteCommand::stream(Input& input, Interrupts& interrupts,
                                                Progress& progress, AtomicFile& target) const {
  std::vector<std::byte> block(block_size);
  for (;;) {
    const auto signal = interrupts.wait_readable(input.descriptor());
    if (!signal) return input.failure("wait for the input", signal.error());
    if (signal.value()) return signal.value();
    BOOST_OUTCOME_TRY(const std::size_t count, input.read(block));
    if (count == 0) break;
    BOOST_OUTCOME_TRY(target.write(std::span(block).first(count)));
    progress.advance(count, std::chrono::steady_clock::now());
  }
  // Ctrl-C in a terminal also ends the program that writes our input. That end must not look like
  // success.
  const auto signal = interrupts.pending();
  if (!signal) return input.failure("wait for the input", signal.error());
  return signal.value();
}

ExitStatus WriteCommand::run() const {
  auto input = Input::open(from);
  if (!input) return report(input.error(), output);
  Interrupts interrupts;
  WriteOptions wanted = options();
  if (mode.empty()) wanted.metadata.mode = input.value().mode();  // of a new file
  auto target = AtomicFile::create(file, wanted);
  if (!target) return report(target.error(), output);
  const bool shown = !output.quiet && ::isatty(STDERR_FILENO) == 1;
  std::optional<Progress> progress;
  progress.emplace(std::cerr, shown, input.value().size(), std::chrono::steady_clock::now());

  const bool regular = from != "-" && input.value().size();
  const auto streamed = regular ? copy(input.value(), interrupts, *progress, target.value())
                                : stream(input.value(), interrupts, *progress, target.value());
  if (!streamed || streamed.value()) {
    progress.reset();
    const auto discarded = target.value().discard();
    if (!discarded && streamed) return report(discarded.error(), output);
    if (!streamed) {
      const ExitStatus status = report(streamed.error(), output);
      if (!discarded) std::cerr << "perdure: " << printable(discarded.error().message()) << '\n';
      return status;
    }
    std::cerr << "perdure: interrupted: " << printable(file) << " is unchanged\n";
    interrupts.die(*streamed.value());
  }
  progress->syncing();
  const auto receipt = target.value().commit();
  progress.reset();
  if (!receipt) return report(receipt.error(), output);
  tell(receipt.value());
  return ExitStatus::success;
}

void WriteCommand::tell(const Receipt& receipt) const {
  if (output.json) {
    print(to_json(receipt));
    return;
  }
  if (output.quiet) return;
  std::string text = printable(file) + ": committed " + human_size(receipt.bytes) + ", " +
                     std::string(to_string(receipt.durability)) + ", " +
                     std::string(to_string(receipt.protocol)) + ", " +
                     milliseconds(stages_sum(receipt.stages)) + "\n";
  if (verbose) text += stages_table(receipt.stages);
  print(text);
}

void add_metadata_options(CLI::App& sub, WriteCommand& command) {
  auto* mode = sub.add_option("--mode", command.mode,
                              "Exactly this mode, whatever the old file has and the umask\n"
                              "says. Owner, group, ACL and attributes of the old file are\n"
                              "kept, with and without it")
                   ->type_name("OCTAL")
                   ->check(CLI::Validator(check_mode, ""));
  sub.add_option("--owner", command.owner,
                 "This owner, by name or number, not that of the old file")
      ->type_name("USER")
      ->check(CLI::Validator(check_user, ""));
  sub.add_option("--group", command.group,
                 "This group, by name or number, not that of the old file")
      ->type_name("GROUP")
      ->check(CLI::Validator(check_group, ""));
  auto* special = add_keep_special_option(sub, command.keep_special);
  sub.add_flag("--fixed", command.fixed,
               "With --mode: keep nothing of the old file's owner, group,\n"
               "ACL and attributes")
      ->needs(mode)
      ->excludes(special);
}

void add_options(CLI::App& sub, WriteCommand& command) {
  sub.add_option("FILE", command.file, "The target: what the commit replaces")
      ->required()
      ->type_name("");
  sub.add_option("--from", command.from,
                 "Read from PATH; - is standard input. Of a file the blocks\n"
                 "are shared where the file system can (btrfs, xfs). Else\n"
                 "the holes of a sparse source are filled: they cost space\n"
                 "in FILE. A new FILE gets the mode of PATH less the umask")
      ->type_name("PATH")
      ->capture_default_str();
  sub.add_option("--durability", command.durability,
                 "none: old or new if the process dies\n"
                 "ordered: also after a power cut, maybe old\n"
                 "durable: new after a power cut, once this returned")
      ->type_name("none|ordered|durable")
      ->check(one_of({"none", "ordered", "durable"}))
      ->capture_default_str();
  add_protocol_option(sub, command.protocol);
  auto* keep = sub.add_flag("--keep", command.keep, "Refuse if FILE exists, even if it came late");
  sub.add_flag("--backup{~}", command.backup, "Give the old content the name FILE + SUFFIX first")
      ->excludes(keep);
  sub.add_option("--symlink", command.symlink,
                 "If FILE is a symbolic link: commit to where it points,\n"
                 "replace the link itself, or refuse")
      ->type_name("follow|replace|refuse")
      ->check(one_of({"follow", "replace", "refuse"}))
      ->capture_default_str();
  add_metadata_options(sub, command);
  sub.add_flag("--refuse-read-only", command.refuse_read_only,
               "Refuse a FILE that nobody may write to (mode 0444);\n"
               "without it such a FILE is replaced like any other");
  add_expect_option(sub, command.expect);
  add_lock_timeout_option(sub, command.lock_timeout_ms);
  sub.add_flag("--parents", command.parents, "Make missing directories on the way to FILE");
  sub.add_flag("--verify", command.verify,
               "Read the content back from the disk before FILE changes");
  sub.add_flag("-v,--verbose", command.verbose, "Report the time of each stage");
  add_json_option(sub, command.output);
  add_quiet_option(sub, command.output);
}

}  // namespace

void add_write(CLI::App& app, ExitStatus& status) {
  auto command = std::make_shared<WriteCommand>();
  CLI::App* sub = app.add_subcommand("write", "Commit standard input, or a file, to FILE");
  add_options(*sub, *command);
  sub->footer(help_footer(examples));
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace perdure::cli
