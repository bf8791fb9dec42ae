// SPDX-License-Identifier: BSL-1.0
// Prints completion for fish.
#include <algorithm>

#include "pages/printers.hpp"
#include "pages/shell_text.hpp"

namespace tools {
namespace {

constexpr const char* script = R"(# SPDX-License-Identifier: BSL-1.0
# Completion of @PROGRAM@ for fish. Made from the text of `@PROGRAM@ --help`.

# Whether the words before the cursor are those of this command, or those that `help` takes of it.
function __@PROGRAM@_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l command @PROGRAM@
    set -l helping
    for word in $words
        switch "$command $word"
            case @HELP@
                set helping 'help of '
            case @COMMANDS@
                set command "$command $word"
        end
    end
    test "$helping$command" = "$argv"
end

)";

std::string fish_quoted(const std::string& text) {
  return "'" + escaped(text, "\\'") + "'";
}

std::string described(const std::string& description) {
  return " -d " + fish_quoted(summary(description));
}

/// The options of `complete` that give the values.
std::string values(const Value& value) {
  switch (value.kind) {
    case ValueKind::choice:
      return " -x -a " + fish_quoted(joined(value.choices));
    case ValueKind::directory:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::user:
      return " -x -a '(__fish_complete_users)'";
    case ValueKind::group:
      return " -x -a '(__fish_complete_groups)'";
    case ValueKind::program:
      return " -F -a '(__fish_complete_command)'";
    case ValueKind::file:
    case ValueKind::source:
      return " -r -F";
    case ValueKind::text:
    case ValueKind::subcommand:
      return " -x";
  }
  return " -x";
}

/// Values for positional arguments. fish does not count arguments, so the values of all of them are
/// offered for each.
std::string argument_values(const Command& command) {
  const auto takes = [&command](ValueKind kind) {
    return std::any_of(command.arguments.begin(), command.arguments.end(),
                       [kind](const ArgumentEntry& one) { return one.value.kind == kind; });
  };
  if (takes(ValueKind::program)) return " -F -a '(__fish_complete_command)'";
  if (takes(ValueKind::file)) return " -F";
  if (takes(ValueKind::directory)) return " -f -a '(__fish_complete_directories)'";
  return " -f";
}

struct Names {
  std::vector<std::string> commands;  ///< of several words each, quoted
  std::string help = "''";            ///< the one whose arguments are words of subcommands
};

void add_names(const Command& command, Names& names) {
  for (const Command& sub : command.commands) {
    names.commands.push_back(fish_quoted(sub.name(" ")));
    for (const ArgumentEntry& argument : sub.arguments) {
      if (argument.value.kind == ValueKind::subcommand) names.help = names.commands.back();
    }
    add_names(sub, names);
  }
}

void add_lines(const Command& command, const std::string& begin, std::string& out) {
  const bool helps =
      std::any_of(command.arguments.begin(), command.arguments.end(),
                  [](const ArgumentEntry& one) { return one.value.kind == ValueKind::subcommand; });
  const std::string name = helps ? "help of " + command.words.front() : command.name(" ");
  const auto at = [&begin](const std::string& words) {
    return begin + " -n " + fish_quoted("__" + begin.substr(begin.rfind(' ') + 1) + "_at " + words);
  };
  out += "\n" + at(name) + argument_values(command) + "\n";
  for (const OptionEntry& option : command.options) {
    out += at(name);
    for (const std::string& one : option.names) {
      out += one.starts_with("--") ? " -l " + one.substr(2) : " -s " + one.substr(1);
    }
    if (option.value && !option.value->optional) out += values(*option.value);
    out += described(option.description) + "\n";
  }
  for (const std::string& words : {name, "help of " + name}) {
    for (const Command& sub : command.commands) {
      out += at(words) + " -f -a " + sub.words.back() + described(sub.description) + "\n";
    }
  }
  for (const Command& sub : command.commands) add_lines(sub, begin, out);
}

}  // namespace

std::string fish_completion(const Command& program) {
  const std::string name = program.words.back();
  Names names;
  add_names(program, names);
  std::string out =
      filled_in(script, {{"COMMANDS", joined(names.commands, " \\\n                ")},
                         {"HELP", names.help},
                         {"PROGRAM", name}});
  out.pop_back();  // each command adds an empty line
  add_lines(program, "complete -c " + name, out);
  return out;
}

}  // namespace tools
