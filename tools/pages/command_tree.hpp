// SPDX-License-Identifier: BSL-1.0
// A program's command line as data, from which manual pages and completions are printed. Every text
// comes from the parser, and is the same as in --help.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace tools {

/// The words that a shell can offer in a value's place.
enum class ValueKind : std::uint8_t {
  text,        ///< nothing
  choice,      ///< the words of `Value::choices`
  file,        ///< paths
  directory,   ///< paths of directories
  source,      ///< DEST=SRC: paths behind the sign of equality
  user,        ///< names of users
  group,       ///< names of groups
  program,     ///< a program, then its own arguments
  subcommand,  ///< the words of a subcommand, as `help` takes them
};

/// The value of an option or of a positional argument.
struct Value {
  std::string name;  ///< as --help shows it: FILE, ordered|durable
  ValueKind kind = ValueKind::text;
  std::vector<std::string> choices;
  bool optional = false;  ///< only behind a sign of equality: --backup=.old
  bool many = false;      ///< takes the words that follow, too
  bool repeated = false;  ///< may be given several times
};

struct OptionEntry {
  std::vector<std::string> names;  ///< with their hyphens, short ones first
  std::optional<Value> value;
  std::string description;         ///< lines, as they were written
  std::vector<std::string> notes;  ///< "default: -", "not with --keep"
};

struct ArgumentEntry {
  std::string usage;  ///< "FILE", "[COMMAND...]"
  Value value;
  bool required = false;
  std::string description;
  std::vector<std::string> notes;
};

/// A program or a subcommand, without the parts that --help hides.
struct Command {
  std::vector<std::string> words;  ///< {"perdure", "state", "set"}
  std::string description;
  std::string usage;
  std::vector<ArgumentEntry> arguments;
  std::vector<OptionEntry> options;
  std::vector<Command> commands;
  std::string footer;

  /// The words with `separator` between them.
  [[nodiscard]] std::string name(const std::string& separator) const;
};

/// The tree of `app` and its subcommands. Throws std::logic_error where a program with subcommands
/// has options with values or positional arguments of its own. Our completions take all words
/// before a subcommand for flags.
[[nodiscard]] Command command_tree(const CLI::App& app);

/// The first sentence of a description on one line, without its full stop.
[[nodiscard]] std::string summary(const std::string& description);

/// The parts between the separators; a separator at the end begins no part.
[[nodiscard]] std::vector<std::string> split(const std::string& text, char separator);

/// Whether a line of a help text begins an item of a list ("ordered: also after a power cut"), and
/// so stands on a line of its own.
[[nodiscard]] bool begins_item(const std::string& line);

}  // namespace tools
