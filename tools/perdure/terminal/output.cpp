// SPDX-License-Identifier: BSL-1.0
// Prints results, errors and the table of exit statuses.
#include "terminal/output.hpp"

#include <cstdint>
#include <iostream>

#include <boost/nowide/utf/convert.hpp>

#include "common/json_text.hpp"

namespace perdure::cli {

namespace json = boost::json;

ExitStatus exit_status(const Error& error) noexcept {
  if (error.fate == Fate::committed) return ExitStatus::recover;
  if (error.fate == Fate::durable) return ExitStatus::failed_after;
  if (error.fate != Fate::unchanged) return ExitStatus::not_durable;
  switch (error.kind) {
    case ErrorKind::invalid_argument:
      return ExitStatus::usage;
    case ErrorKind::exists:
    case ErrorKind::conflict:
    case ErrorKind::symlink_refused:
    case ErrorKind::untrusted:
    case ErrorKind::read_only:
      return ExitStatus::refused;
    case ErrorKind::recovery_required:
      return ExitStatus::recover;
    default:
      return ExitStatus::failed;
  }
}

CLI::Option* add_json_option(CLI::App& command, OutputOptions& output) {
  return command.add_flag("--json", output.json,
                          "Print one JSON object on standard output, on failure too");
}

void add_quiet_option(CLI::App& command, OutputOptions& output) {
  command.add_flag("-q,--quiet", output.quiet,
                   "No report and no progress; errors still go to standard error");
}

std::string help_footer(std::string_view examples) {
  return std::string(examples) +
         "\n"
         "Exit status:\n"
         "  0  done: what was asked for holds\n"
         "  1  failed, the target is unchanged\n"
         "  2  the command line is wrong, nothing was touched\n"
         "  3  new content is in place but not known to be durable, or its fate is unknown\n"
         "  4  refused: --keep and it exists, --expect and it changed, a symbolic link,\n"
         "     --refuse-read-only\n"
         "  5  recovery required: a transaction is durable but not all in place, or damaged\n"
         "  6  new content is in place and durable, but a step behind that failed\n";
}

std::string utf8(std::string_view text) {
  return boost::nowide::utf::convert_string<char>(text.data(), text.data() + text.size());
}

std::string printable(std::string_view text) {
  std::string out = utf8(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte < 0x20 || byte == 0x7f) out[i] = '?';
    // U+0080 to U+009F are control characters, too, of two bytes each in UTF-8.
    if (byte == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0) {
      out.replace(i, 2, "?");
    }
  }
  return out;
}

std::string milliseconds(std::chrono::nanoseconds time) {
  const auto us = std::chrono::round<std::chrono::microseconds>(time).count();
  std::string fraction = std::to_string(us % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(us / 1000) + "." + fraction + " ms";
}

json::array stages_json(const std::vector<StageTime>& stages) {
  json::array array;
  for (const auto& [stage, time] : stages) {
    array.push_back(
        {{"name", stage},
         {"microseconds", std::chrono::round<std::chrono::microseconds>(time).count()}});
  }
  return array;
}

std::string stages_table(const std::vector<StageTime>& stages) {
  std::string text;
  for (const auto& [stage, time] : stages) {
    const std::string figure = milliseconds(time);
    text.append("  ").append(stage).append(stage.size() < 20 ? 20 - stage.size() : 1, ' ');
    text.append(figure.size() < 14 ? 14 - figure.size() : 0, ' ').append(figure).append("\n");
  }
  return text;
}

std::chrono::nanoseconds stages_sum(const std::vector<StageTime>& stages) {
  std::chrono::nanoseconds sum{};
  for (const auto& stage : stages) sum += stage.time;
  return sum;
}

bool print(std::string_view text) {
  std::cout << text << std::flush;
  if (std::cout) return true;
  std::cerr << "perdure: the report could not be written to standard output\n";
  return false;
}

bool print(const json::object& object) {
  return print(json_text(object) + "\n");
}

ExitStatus print_result(std::string_view text) {
  return print(text) ? ExitStatus::success : ExitStatus::failed;
}

ExitStatus print_result(const json::object& object) {
  return print(object) ? ExitStatus::success : ExitStatus::failed;
}

ExitStatus report(const Error& error, const OutputOptions& output) {
  const std::string sentence = error.message();
  if (output.json) {
    json::object object = {{"error", utf8(sentence)},
                           {"fate", to_string(error.fate)},
                           {"kind", to_string(error.kind)},
                           {"path", utf8(error.path)},
                           {"step", utf8(error.step)}};
    if (error.cause) object["errno"] = error.cause.value();
    print(object);
  } else {
    std::cerr << "perdure: " << printable(sentence) << '\n';
  }
  return exit_status(error);
}

}  // namespace perdure::cli
