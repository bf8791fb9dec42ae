// SPDX-License-Identifier: BSL-1.0
// Help texts without the parser's own words.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace tools {

/// Shows options as manual pages do: the value as people call it, its default, and in words what it
/// needs or rules out.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    if (const auto place = name.find("{~}"); place != std::string::npos) {
      name.replace(place, 3, "[=SUFFIX]");  // a value that may be left out
    }
    return name;
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    std::string value = value_name(option->get_type_name());
    if (!value.empty()) value.insert(0, 1, ' ');
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) value += " ...";
    return value;
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string words = CLI::Formatter::make_option_desc(option);
    const auto add = [&words](const std::string& more) {
      if (more.empty()) return;
      const auto line = words.rfind('\n') + 1;
      const bool fits = words.size() - line + more.size() + 3 <= line_max;
      words += (words.empty() ? "(" : fits ? " (" : "\n(") + more + ")";
    };
    const bool positional = option->get_positional();
    if (option->get_required() && !positional) add("required");
    if (is_value(option->get_default_str())) add("default: " + option->get_default_str());
    add(names_of("with ", option->get_needs()));
    add(names_of("not with ", option->get_excludes()));
    return words;
  }

 private:
  static constexpr std::size_t line_max = 60;

  /// Not one that stands for none.
  static bool is_value(const std::string& text) {
    return !text.empty() && text != "0" && text != "-1" && text != "[]";
  }

  template <class Options>
  static std::string names_of(std::string_view before, const Options& options) {
    std::string names;
    for (const CLI::Option* other : options) {
      names += (names.empty() ? std::string(before) : ", ") + other->get_name();
    }
    return names;
  }

  /// The parser calls a value "TEXT:{one,two}", "UINT:SIZE [b, kb(=1024b), ...]", "INT:INT in [0 -
  /// 9]": its type, and its checks.
  static std::string value_name(const std::string& type) {
    const auto colon = type.find(':');
    const std::string base = type.substr(0, colon);
    const std::string check = colon == std::string::npos ? "" : type.substr(colon + 1);
    if (check.starts_with('{')) {
      std::string choices = check.substr(1, check.find('}') - 1);
      for (char& letter : choices) {
        if (letter == ',') letter = '|';
      }
      return choices;
    }
    if (check.starts_with("SIZE")) return "SIZE";
    if (base == "UINT" || base == "INT" || base == "FLOAT") return "NUMBER";
    return base;
  }
};

/// For a program and all its subcommands; call it before these are added.
inline void set_help_formatter(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
}

}  // namespace tools
