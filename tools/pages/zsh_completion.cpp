// SPDX-License-Identifier: BSL-1.0
// Prints completion for zsh.
#include "pages/printers.hpp"
#include "pages/shell_text.hpp"

namespace tools {
namespace {

std::string function_of(const Command& command) {
  return "_" + command.name("_");
}

/// Words within a specification of _arguments.
std::string in_spec(const std::string& text) {
  return escaped(text, "\\[]:");
}

/// ":MESSAGE:ACTION", as _arguments takes it.
std::string action(const Value& value, const std::string& program) {
  const std::string message = ":" + in_spec(value.name) + ":";
  switch (value.kind) {
    case ValueKind::text:
      return message + " ";
    case ValueKind::choice:
      return message + "(" + joined(value.choices) + ")";
    case ValueKind::file:
      return message + "_files";
    case ValueKind::directory:
      return message + "_files -/";
    case ValueKind::source:
      return message + "{ if compset -P 1 \"*=\"; then _files; else _message DEST; fi }";
    case ValueKind::user:
      return message + "_users";
    case ValueKind::group:
      return message + "_groups";
    case ValueKind::program:
      return ":" + message + "_normal";
    case ValueKind::subcommand:
      return message + "_" + program + "_words";
  }
  return message + " ";
}

void add_option(const OptionEntry& option, const std::string& program, std::string& out) {
  const bool repeated = option.value && option.value->repeated;
  for (const std::string& name : option.names) {
    std::string spec = repeated                  ? "*"
                       : option.names.size() > 1 ? "(" + joined(option.names) + ")"
                                                 : "";
    spec += name;
    if (option.value) spec += option.value->optional ? "=-" : name.starts_with("--") ? "=" : "+";
    spec += "[" + in_spec(summary(option.description)) + "]";
    if (option.value) spec += (option.value->optional ? ":" : "") + action(*option.value, program);
    out += " \\\n    " + shell_quoted(spec);
  }
}

/// The functions of a command and of all beneath it.
void add_functions(const Command& command, const std::string& program, std::string& out) {
  const std::string function = function_of(command);
  if (!command.commands.empty()) {
    out += function + "_commands() {\n  local -a commands\n  commands=(\n";
    for (const Command& sub : command.commands) {
      out += "    " +
             shell_quoted(escaped(sub.words.back(), ":") + ":" + summary(sub.description)) + "\n";
    }
    out += "  )\n  _describe -t commands command commands\n}\n\n";
  }
  out += function + "() {\n";
  if (!command.commands.empty()) {
    out += "  local curcontext=$curcontext state line ret=1\n  typeset -A opt_args\n";
  }
  out += "  _arguments -S" + std::string(command.commands.empty() ? "" : " -C");
  for (const OptionEntry& option : command.options) add_option(option, program, out);
  for (const ArgumentEntry& argument : command.arguments) {
    const std::string many = argument.value.many ? "*" : argument.required ? "" : ":";
    out += " \\\n    " + shell_quoted(many + action(argument.value, program));
  }
  if (command.commands.empty()) {
    out += "\n}\n\n";
    return;
  }
  out += " \\\n    ': :->command' '*:: :->arguments' && ret=0\n  case $state in\n    command) " +
         function + "_commands && ret=0 ;;\n    arguments)\n      case $words[1] in\n";
  for (const Command& sub : command.commands) {
    out += "        " + sub.words.back() + ") " + function_of(sub) + " && ret=0 ;;\n";
  }
  out += "      esac ;;\n  esac\n  return ret\n}\n\n";
  for (const Command& sub : command.commands) add_functions(sub, program, out);
}

/// Arms for the words that `help` takes: those of each command that has subcommands.
void add_words(const Command& command, std::string& out) {
  if (command.commands.empty()) return;
  const std::vector<std::string> behind(command.words.begin() + 1, command.words.end());
  out += "    " + shell_quoted(joined(behind)) + ") " + function_of(command) + "_commands ;;\n";
  for (const Command& sub : command.commands) add_words(sub, out);
}

}  // namespace

std::string zsh_completion(const Command& program) {
  const std::string name = program.words.back();
  std::string out = "#compdef " + name + "\n# SPDX-License-Identifier: BSL-1.0\n# Completion of " +
                    name + " for zsh. Made from the text of `" + name + " --help`.\n\n";
  add_functions(program, name, out);
  out += "# The words of a subcommand, as `help` takes them.\n_" + name +
         "_words() {\n  case ${(j: :)words[2,CURRENT-1]} in\n";
  add_words(program, out);
  out += "  esac\n}\n\n_" + name + " \"$@\"\n";
  return out;
}

}  // namespace tools
