// SPDX-License-Identifier: BSL-1.0
// Walks a parser's subcommands and options.
#include "pages/command_tree.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "common/help_formatter.hpp"

namespace tools {
namespace {

ValueKind kind_of(const std::string& name) {
  if (name == "FILE" || name == "PATH" || name == "FROM" || name == "TO") return ValueKind::file;
  if (name == "DIR" || name == "ROOT") return ValueKind::directory;
  if (name == "DEST=SRC") return ValueKind::source;
  if (name == "USER") return ValueKind::user;
  if (name == "GROUP") return ValueKind::group;
  return name.find('|') == std::string::npos ? ValueKind::text : ValueKind::choice;
}

Value value_of(const CLI::Option& option, const std::string& name) {
  Value value;
  value.name = name;
  value.kind = kind_of(name);
  if (value.kind == ValueKind::choice) value.choices = split(name, '|');
  value.repeated = takes_many(option);
  value.many = value.repeated && option.get_allow_extra_args();
  return value;
}

OptionEntry option_entry(const CLI::Option& option) {
  OptionEntry entry;
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  if (takes_suffix(option)) {
    entry.value = value_of(option, suffix_name);
    entry.value->optional = true;
  } else if (option.get_items_expected_max() != 0) {
    entry.value = value_of(option, HelpFormatter::value_name(option.get_type_name()));
  }
  entry.description = option.get_description();
  entry.notes = HelpFormatter::notes(option);
  return entry;
}

ArgumentEntry argument_entry(const CLI::Option& option, const CLI::App& app,
                             const HelpFormatter& formatter) {
  ArgumentEntry entry;
  entry.usage = formatter.make_option_usage(&option);
  entry.value = value_of(option, option.get_name(true, false));
  if (entry.value.name == "COMMAND") {
    entry.value.kind = app.get_name() == "help" ? ValueKind::subcommand : ValueKind::program;
  }
  entry.required = option.get_required();
  entry.description = option.get_description();
  entry.notes = HelpFormatter::notes(option);
  return entry;
}

Command walk(const CLI::App& app, std::vector<std::string> words) {
  Command command;
  command.words = std::move(words);
  command.words.push_back(app.get_name());
  command.description = app.get_description();
  command.footer = app.get_footer();
  const auto& formatter = dynamic_cast<const HelpFormatter&>(*app.get_formatter());
  command.usage = formatter.usage_of(app, command.name(" "));
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* one) { return !one->get_group().empty(); })) {
    if (option->get_positional()) {
      command.arguments.push_back(argument_entry(*option, app, formatter));
    } else {
      command.options.push_back(option_entry(*option));
    }
  }
  for (const CLI::App* sub :
       app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
    command.commands.push_back(walk(*sub, command.words));
  }
  const bool values = std::any_of(command.options.begin(), command.options.end(),
                                  [](const OptionEntry& one) { return one.value.has_value(); });
  if (!command.commands.empty() && (values || !command.arguments.empty())) {
    throw std::logic_error(command.name(" ") + " has subcommands, and takes values itself");
  }
  return command;
}

}  // namespace

std::string Command::name(const std::string& separator) const {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

Command command_tree(const CLI::App& app) {
  return walk(app, {});
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool begins_item(const std::string& line) {
  const auto colon = line.find(": ");
  return colon != 0 && colon != std::string::npos && colon <= 20 &&
         std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char letter) { return letter == ' ' || (letter >= 'a' && letter <= 'z'); });
}

std::string summary(const std::string& description) {
  std::string text;
  for (const std::string& line : split(description, '\n')) {
    if (!text.empty() && begins_item(line)) break;
    text += (text.empty() ? "" : " ") + line;
  }
  text = text.substr(0, text.find(". "));
  if (text.ends_with('.') || text.ends_with(';')) text.pop_back();
  return text;
}

}  // namespace tools
