// SPDX-License-Identifier: BSL-1.0
// The program's output: exit status, standard output, standard error.
#pragma once

#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <perdure/error.hpp>
#include <perdure/receipt.hpp>

#include "common/human_size.hpp"

namespace perdure::cli {

/// The contract that scripts rely on. It is about the target alone.
enum class ExitStatus : int {
  success = 0,
  failed = 1,        ///< The target is unchanged.
  usage = 2,         ///< Nothing was touched.
  not_durable = 3,   ///< New content in place but not known durable, or not known at all.
  refused = 4,       ///< A condition that the user set does not hold; the target is unchanged.
  recover = 5,       ///< A transaction is committed but not in place, or only a person can decide.
  failed_after = 6,  ///< New content in place and durable; a step behind that failed.
};

/// The only place that turns an error into an exit status.
[[nodiscard]] ExitStatus exit_status(const Error& error) noexcept;

struct OutputOptions {
  bool json = false;   ///< One object on standard output, for success and failure alike.
  bool quiet = false;  ///< No report and no progress; errors are still told.
};

/// Adds --json and, if wanted, --quiet.
CLI::Option* add_json_option(CLI::App& command, OutputOptions& output);
void add_quiet_option(CLI::App& command, OutputOptions& output);

/// The table of exit statuses for a help text, after the command's own `examples`.
[[nodiscard]] std::string help_footer(std::string_view examples);

/// Makes valid UTF-8 of any bytes, such as a file name: invalid bytes become U+FFFD.
[[nodiscard]] std::string utf8(std::string_view text);
/// The same without characters that control a terminal: the name of a file must not be a command.
[[nodiscard]] std::string printable(std::string_view text);

/// "0.817 ms"
[[nodiscard]] std::string milliseconds(std::chrono::nanoseconds time);
/// The stages of a receipt, with name and microseconds; and as lines of a table, with their sum.
[[nodiscard]] boost::json::array stages_json(const std::vector<StageTime>& stages);
[[nodiscard]] std::string stages_table(const std::vector<StageTime>& stages);
[[nodiscard]] std::chrono::nanoseconds stages_sum(const std::vector<StageTime>& stages);

/// Prints to standard output. If that can't be written, says so on standard error, and returns
/// false.
bool print(std::string_view text);
bool print(const boost::json::object& object);

/// Prints the result of a command that does nothing else.
[[nodiscard]] ExitStatus print_result(std::string_view text);
[[nodiscard]] ExitStatus print_result(const boost::json::object& object);

/// Reports a failure: a sentence on standard error, or an object on standard output.
[[nodiscard]] ExitStatus report(const Error& error, const OutputOptions& output);

}  // namespace perdure::cli
