// SPDX-License-Identifier: BSL-1.0
// Prints completion for bash.
#include "pages/printers.hpp"
#include "pages/shell_text.hpp"

namespace tools {
namespace {

constexpr const char* script = R"(# SPDX-License-Identifier: BSL-1.0
# Completion of @PROGRAM@ for bash. Made from the text of `@PROGRAM@ --help`.

# @FUNCTION@_about "COMMAND [OPTION]": the words to choose from, and the kinds of values.
@FUNCTION@_about() {
  commands='' options='' arguments=() rest='' kind='' choices='' takes=''
  case $1 in
@CASES@  esac
}

# The functions below set what @FUNCTION@ has as its own.

# bash breaks words at = and at :, where a value begins.
@FUNCTION@_join() {
  local previous='' i word
  for ((i = 1; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]} > 0)) && [[ $word == [=:]* || $previous == *[=:] ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    previous=$word
  done
}

# Reads the words before the one to complete.
@FUNCTION@_scan() {
  local word
  @FUNCTION@_about "$command"
  for word in "${words[@]:0:${#words[@]} - 1}"; do
    if [[ $pending == one ]]; then
      pending=''
    elif [[ ! $ended && $word == -- ]]; then
      ended=1 pending=''
    elif [[ ! $ended && $word == -?* ]]; then
      @FUNCTION@_about "$command $word"
      option=$word pending=$takes
      @FUNCTION@_about "$command"
    elif [[ $pending ]]; then
      continue
    elif [[ "$command $word" == '@HELP@' ]]; then
      helping=1
    elif [[ " $commands " == *" $word "* ]]; then
      command+=" $word"
      @FUNCTION@_about "$command"
    else
      ((++position))
    fi
  done
}

# Finds the kind of the word to complete.
@FUNCTION@_find() {
  if [[ $helping && $current == -* ]]; then
    @FUNCTION@_about '@HELP@'
    kind=choice choices=$options
  elif [[ $helping ]]; then
    kind=choice choices=$commands
  elif [[ $pending == one || ($pending && $current != -*) ]]; then
    @FUNCTION@_about "$command $option"
  elif [[ ! $ended && $current == --*=* ]]; then
    prefix=${current%%=*}=
    @FUNCTION@_about "$command ${prefix%=}"
    current=${current#*=}
  elif [[ ! $ended && $current == -* ]]; then
    kind=choice choices=$options
  elif [[ $commands ]]; then
    kind=choice choices=$commands
  else
    kind=${arguments[position]:-$rest}
  fi
  if [[ $kind == source ]]; then # DEST=SRC
    kind=''
    if [[ $current == *=* ]]; then
      prefix+=${current%%=*}=
      current=${current#*=}
      kind=file
    fi
  fi
}

@FUNCTION@() {
  local commands options arguments rest kind choices takes
  local command=@PROGRAM@ option='' helping='' ended='' pending='' position=0
  local words=() current prefix='' breaks='' letter
  COMPREPLY=()
  @FUNCTION@_join
  current=${words[${#words[@]} - 1]}
  @FUNCTION@_scan
  @FUNCTION@_find
  case $kind in
    choice) mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current") ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    user) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
    group) mapfile -t COMPREPLY < <(compgen -g -- "$current") ;;
    program) mapfile -t COMPREPLY < <(compgen -c -f -- "$current") ;;
  esac
  case $kind in file | directory | program) compopt -o filenames 2>/dev/null ;; esac
  # bash replaces the part behind the last break.
  COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
  for letter in = :; do [[ $COMP_WORDBREAKS == *$letter* ]] && breaks+=$letter; done
  if [[ $breaks ]]; then
    current=$prefix$current
    current=${current%"${current##*[$breaks]}"}
    COMPREPLY=("${COMPREPLY[@]#"$current"}")
  fi
}

complete -F @FUNCTION@ @PROGRAM@
)";

const char* word_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::text:
      return "text";
    case ValueKind::choice:
      return "choice";
    case ValueKind::file:
      return "file";
    case ValueKind::directory:
      return "directory";
    case ValueKind::source:
      return "source";
    case ValueKind::user:
      return "user";
    case ValueKind::group:
      return "group";
    case ValueKind::program:
      return "program";
    case ValueKind::subcommand:
      return "text";  // by @HELP@
  }
  return "text";
}

/// The arms of the script's `case`, and the name of the command that takes subcommands' words.
void add_cases(const Command& command, std::string& cases, std::string& help) {
  const std::string name = command.name(" ");
  std::vector<std::string> names;
  for (const OptionEntry& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  std::vector<std::string> subcommands;
  for (const Command& sub : command.commands) subcommands.push_back(sub.words.back());
  cases += "    " + shell_quoted(name) + ") commands=" + shell_quoted(joined(subcommands)) +
           "\n      options=" + shell_quoted(joined(names));
  std::vector<std::string> kinds;
  for (const ArgumentEntry& argument : command.arguments) {
    if (argument.value.kind == ValueKind::subcommand) help = name;
    if (argument.value.many) {
      cases += std::string("\n      rest=") + word_of(argument.value.kind);
    } else {
      kinds.emplace_back(word_of(argument.value.kind));
    }
  }
  cases += (kinds.empty() ? "" : "\n      arguments=(" + joined(kinds) + ")") + " ;;\n";
  for (const OptionEntry& option : command.options) {
    if (!option.value) continue;
    std::vector<std::string> patterns;
    for (const std::string& one : option.names) patterns.push_back(shell_quoted(name + " " + one));
    cases += "    " + joined(patterns, " | ") + ") kind=" + word_of(option.value->kind);
    if (!option.value->optional) cases += option.value->many ? " takes=many" : " takes=one";
    if (!option.value->choices.empty()) {
      cases += " choices=" + shell_quoted(joined(option.value->choices));
    }
    cases += " ;;\n";
  }
  for (const Command& sub : command.commands) add_cases(sub, cases, help);
}

}  // namespace

std::string bash_completion(const Command& program) {
  std::string cases;
  std::string help;
  add_cases(program, cases, help);
  const std::string name = program.words.back();
  return filled_in(script,
                   {{"CASES", cases}, {"FUNCTION", "_" + name}, {"PROGRAM", name}, {"HELP", help}});
}

}  // namespace tools
