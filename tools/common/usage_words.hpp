// SPDX-License-Identifier: BSL-1.0
// Words for the faults of a command line, in the place of the parser's.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace perdure::cli {

/// The same check, whose error for a refused text is "'TEXT' " and these words.
inline CLI::Validator worded(CLI::Validator check, const std::string& words) {
  return CLI::Validator(
      [check = std::move(check), words](std::string& text) {
        const std::string given = text;
        try {
          if (check(text).empty()) return std::string();
        } catch (const CLI::Error&) {  // NOLINT(bugprone-empty-catch): refused as well
        }
        return "'" + given + "' " + words;
      },
      "");
}

inline CLI::Validator one_of(const std::vector<std::string>& names) {
  std::string words = "is none of ";
  for (std::size_t i = 0; i < names.size(); ++i) words += (i == 0 ? "" : ", ") + names[i];
  return worded(CLI::IsMember(names), words);
}

/// The same names, for the help of the option.
inline std::string alternatives(const std::vector<std::string>& names) {
  std::string words;
  for (const std::string& name : names) words += (words.empty() ? "" : "|") + name;
  return words;
}

/// Finite numbers that a double can hold, from `low` to `high`.
inline CLI::Validator number_between(std::int64_t low, std::int64_t high) {
  const auto check = [low, high](const std::string& text) {
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
    const bool within = whole && std::isfinite(value) && value >= static_cast<double>(low) &&
                        value <= static_cast<double>(high);
    return std::string(within ? "" : "no");
  };
  return worded(CLI::Validator(check, ""),
                "is not a number from " + std::to_string(low) + " to " + std::to_string(high));
}

/// The parser takes a number with a zero in front for an octal one: "010" for eight.
inline void drop_leading_zeros(std::string& text) {
  const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
  while (text.size() > 1 && text[0] == '0' && is_digit(text[1])) text.erase(0, 1);
}

/// For `transform`: the number has no zeros in front then.
inline CLI::Validator whole_number() {
  const auto check = [](std::string& text) {
    drop_leading_zeros(text);
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
    return std::string(whole ? "" : "no");
  };
  return worded(CLI::Validator(check, ""), "is not a whole number, from 0 on");
}

/// Turns "4KiB" into bytes.
inline CLI::Validator size_in_bytes() {
  const auto read = [bytes = CLI::AsSizeValue(false), whole = whole_number()](std::string& text) {
    drop_leading_zeros(text);
    const std::string fault = bytes(text);
    return fault.empty() ? whole(text) : fault;
  };
  return worded(CLI::Validator(read, ""),
                "is not a size: bytes, or a number with KiB, MiB, GiB, TiB");
}

namespace detail {

/// The words that no option or argument took, outermost command last.
inline std::vector<std::string> left_over(const CLI::App& app) {
  auto words = app.remaining(true);
  std::erase(words, "--");
  return words;
}

/// Names of options that begin with the word: what the user may have meant.
inline std::string meant(const CLI::App& app, const std::string& word) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string full = "--" + name;
      if (full.starts_with(word) && full != word) names += (names.empty() ? "" : " or ") + full;
    }
  }
  return names.empty() ? "" : "; is it " + names + "?";
}

}  // namespace detail

/// The fault of a command line of `app`, and the command that has it ("perdure
/// state"). `program` is the program's own name; `arguments` come behind it.
struct UsageFault {
  std::string command;
  std::string words;
};

inline UsageFault usage_fault(const CLI::App& app, const CLI::ParseError& error,
                              std::string_view program, const std::vector<std::string>& arguments) {
  UsageFault fault{std::string(program), error.what()};
  const CLI::App* last = &app;
  std::size_t depth = 0;
  for (auto chosen = app.get_subcommands(); !chosen.empty();
       chosen = chosen.front()->get_subcommands(), ++depth) {
    last = chosen.front();
    fault.command += " " + last->get_name();
  }
  const auto subcommands =
      last->get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
  if (!subcommands.empty()) {
    if (arguments.size() <= depth) {
      fault.words = "name a subcommand";
      return fault;
    }
    if (!arguments[depth].starts_with('-')) {
      fault.words = "'" + arguments[depth] + "' is not a subcommand";
      return fault;
    }
  }
  const auto unknown = detail::left_over(app);
  for (const std::string& word : unknown) {  // it may be why another thing is missing
    if (!word.starts_with('-') || word == "-") continue;
    const std::string name = word.substr(0, word.find('='));
    fault.words = "there is no option '" + name + "'" + detail::meant(*last, name);
    return fault;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !unknown.empty()) {
    fault.words = "'" + unknown.front() + "' is one argument too many";
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string name = fault.words.substr(0, fault.words.find(':'));
    const bool missing = fault.words.find("At Most") == std::string::npos;
    fault.words = name + (missing ? " takes a value" : " is there more than once");
  }
  return fault;
}

}  // namespace perdure::cli
