// SPDX-License-Identifier: BSL-1.0
// Prints manual pages.
#include <algorithm>
#include <cctype>

#include "pages/printers.hpp"

namespace tools {
namespace {

/// Text as man(7) shows it letter for letter: no hyphen becomes a dash, and no line a request.
std::string roff(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out += letter;
    }
  }
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return text;
}

std::string bold(const std::string& text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + roff(text) + "\\fR";
}

std::string reference(const Command& command) {
  return bold(command.name("-")) + "(1)";
}

/// Fills lines, except items of a list.
std::string filled(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty() && begins_item(line)) out += ".br\n";
    out += roff(line) + "\n";
  }
  return out;
}

std::string with_notes(const std::string& description, const std::vector<std::string>& notes) {
  std::string out = filled(split(description, '\n'));
  std::string all;
  for (const std::string& note : notes) all += (all.empty() ? "(" : " (") + note + ")";
  if (all.empty()) return out;
  return out + (out.find(".br\n") == std::string::npos ? "" : ".br\n") + roff(all) + "\n";
}

std::string option_tag(const OptionEntry& option) {
  std::string out;
  for (const std::string& name : option.names) out += (out.empty() ? "" : ", ") + bold(name);
  if (!option.value) return out;
  const std::string value = italic(option.value->name);
  if (option.value->optional) return out + "[=" + value + "]";
  return out + " " + value + (option.value->repeated ? " ..." : "");
}

bool is_indented(const std::string& line) {
  return line.starts_with("  ");
}

/// Leaves indented lines as they are, and fills the others.
std::string block(const std::vector<std::string>& lines) {
  std::string out;
  for (std::size_t begin = 0; begin < lines.size();) {
    const bool literal = is_indented(lines[begin]);
    std::size_t end = begin;
    while (end < lines.size() && is_indented(lines[end]) == literal) ++end;
    std::vector<std::string> part(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                                  lines.begin() + static_cast<std::ptrdiff_t>(end));
    if (literal) {
      out += ".PP\n.nf\n.RS 2\n";
      for (const std::string& line : part) out += roff(line.substr(2)) + "\n";
      out += ".RE\n.fi\n";
    } else {
      out += ".PP\n" + filled(part);
    }
    begin = end;
  }
  return out;
}

/// A help's footer in parts: those with a heading ("Examples:", then indented lines) become
/// sections, the others belong to the description.
struct Footer {
  std::string description;
  std::string sections;
};

Footer footer_of(const std::string& text) {
  Footer footer;
  std::vector<std::string> lines;
  const auto end_part = [&] {
    if (lines.size() > 1 && lines.front().ends_with(':') && !is_indented(lines.front()) &&
        is_indented(lines[1])) {
      footer.sections +=
          ".SH " + roff(upper(lines.front().substr(0, lines.front().size() - 1))) + "\n";
      lines.erase(lines.begin());
      std::string content = block(lines);
      content.erase(0, content.find('\n') + 1);  // no space behind a heading
      footer.sections += content;
    } else if (!lines.empty()) {
      footer.description += block(lines);
    }
    lines.clear();
  };
  for (const std::string& line : split(text, '\n')) {
    if (line.empty()) {
      end_part();
    } else {
      lines.push_back(line);
    }
  }
  end_part();
  return footer;
}

}  // namespace

std::string man_page(const Command& command, const Command* parent, const std::string& package) {
  const Footer footer = footer_of(command.footer);
  const std::string program = command.name(" ");
  std::string out = ".\\\" SPDX-License-Identifier: BSL-1.0\n.\\\" Made from the text of `" +
                    program + " --help`.\n";
  out += ".TH " + upper(roff(command.name("-"))) + " 1 \"\" \"" + roff(package) + "\"\n";
  out +=
      ".SH NAME\n" + roff(command.name("-")) + " \\- " + roff(summary(command.description)) + "\n";
  out += ".SH SYNOPSIS\n" + bold(program) + roff(command.usage.substr(program.size())) + "\n";
  out += ".SH DESCRIPTION\n" + filled(split(command.description, '\n')) + footer.description;
  if (!command.arguments.empty()) out += ".SH ARGUMENTS\n";
  for (const ArgumentEntry& argument : command.arguments) {
    out += ".TP\n" + italic(argument.value.name) + (argument.value.repeated ? " ..." : "") + "\n" +
           with_notes(argument.description, argument.notes);
  }
  out += ".SH OPTIONS\n";
  for (const OptionEntry& option : command.options) {
    out += ".TP\n" + option_tag(option) + "\n" + with_notes(option.description, option.notes);
  }
  if (!command.commands.empty()) out += ".SH COMMANDS\n";
  for (const Command& sub : command.commands) {
    out += ".TP\n" + reference(sub) + "\n" + filled(split(sub.description, '\n'));
  }
  out += footer.sections;
  if (parent != nullptr) out += ".SH SEE ALSO\n" + reference(*parent) + "\n";
  return out;
}

}  // namespace tools
