// SPDX-License-Identifier: BSL-1.0
// Help texts without the parser's own words.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace tools {

/// A flag with this mark behind its name may have a value, behind an equals sign only.
inline constexpr std::string_view suffix_mark = "{~}";
inline constexpr const char* suffix_name = "SUFFIX";

[[nodiscard]] inline bool takes_suffix(const CLI::Option& option) {
  return option.get_name(false, true).find(suffix_mark) != std::string::npos;
}

/// Whether it may have several values.
[[nodiscard]] inline bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() == CLI::detail::expected_max_vector_size;
}

/// Shows options as manual pages do: the value by a plain name, its default, and in words the
/// options that it needs or rules out.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    if (const auto place = name.find(suffix_mark); place != std::string::npos) {
      name.replace(place, suffix_mark.size(), std::string("[=") + suffix_name + "]");
    }
    return name;
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    std::string value = value_name(option->get_type_name());
    if (option->get_positional() && value == "TEXT") value.clear();  // its name says more
    if (!value.empty()) value.insert(0, 1, ' ');
    if (takes_many(*option)) value += " ...";
    return value;
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string words = CLI::Formatter::make_option_desc(option);
    const auto add = [&words](const std::string& more) {
      const auto line = words.rfind('\n') + 1;
      const bool fits = words.size() - line + more.size() + 3 <= line_max;
      words += (words.empty() ? "(" : fits ? " (" : "\n(") + more + ")";
    };
    for (const std::string& note : notes(*option)) add(note);
    return words;
  }

  /// The line that --help shows behind the description, without "Usage: ".
  [[nodiscard]] std::string usage_of(const CLI::App& app, const std::string& name) const {
    const std::string text = make_usage(&app, name);
    const auto begin = text.find(name);
    return text.substr(begin, text.find_last_not_of('\n') + 1 - begin);
  }

  /// "required", its default, the options that it needs and those that it rules out.
  [[nodiscard]] static std::vector<std::string> notes(const CLI::Option& option) {
    std::vector<std::string> all;
    if (option.get_required() && !option.get_positional()) all.emplace_back("required");
    if (is_value(option.get_default_str())) all.push_back("default: " + option.get_default_str());
    for (std::string names :
         {names_of("with ", option.get_needs()), names_of("not with ", option.get_excludes())}) {
      if (!names.empty()) all.push_back(std::move(names));
    }
    return all;
  }

  /// The parser calls a value "TEXT:{one,two}", "UINT:SIZE [b, kb(=1024b), ...]", "INT:INT in [0 -
  /// 9]": its type, and its checks.
  [[nodiscard]] static std::string value_name(const std::string& type) {
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

 private:
  static constexpr std::size_t line_max = 60;

  /// Whether the text is a value, and does not stand for none.
  static bool is_value(const std::string& text) {
    return !text.empty() && text != "0" && text != "-1" && text != "[]";
  }

  template <class Options>
  static std::string names_of(const std::string& before, const Options& options) {
    std::set<std::string> sorted;  // the parser's order is that of addresses
    for (const CLI::Option* other : options) sorted.insert(other->get_name());
    std::string names;
    for (const std::string& name : sorted) names += (names.empty() ? before : ", ") + name;
    return names;
  }
};

/// For a program and all its subcommands; call it before these are added.
inline void set_help_formatter(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
}

}  // namespace tools
