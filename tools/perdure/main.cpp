// SPDX-License-Identifier: BSL-1.0
// The command line: parses it, runs a subcommand, and returns its exit status.
#include <algorithm>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <span>
#include <unistd.h>

#include <CLI/App.hpp>

#include "commands.hpp"
#include "common/usage_words.hpp"

namespace perdure::cli {

namespace {

/// If a standard descriptor is closed at the start, the first file that is opened would get its
/// number. The report would end up in the user's data. So it gets a file on which reading or
/// writing fails.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free descriptor is this one: those below it are open.
    if (::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) std::abort();
  }
}

/// The error of a command line, also as an object where --json was asked for.
ExitStatus usage_error(const CLI::App& app, const CLI::ParseError& error,
                       std::span<char* const> arguments) {
  auto [command, words] =
      usage_fault(app, error, "perdure", {arguments.begin() + 1, arguments.end()});
  if (words.starts_with("'version'")) {
    words += ": --version prints the program's version, and version-of FILE that of a file";
  }
  std::cerr << command << ": " << printable(words) << "; run `" << command << " --help`\n";
  const bool json = std::any_of(arguments.begin(), arguments.end(), [](const char* argument) {
    return std::string_view(argument) == "--json";
  });
  if (json) {
    (void)report({.kind = ErrorKind::invalid_argument,
                  .cause = {},
                  .step = "read the command line",
                  .path = {},
                  .detail = words,
                  .reading = true},
                 {.json = true});
  }
  return ExitStatus::usage;
}

ExitStatus run(int argc, char** argv) {
  ExitStatus status = ExitStatus::success;
  CLI::App app;
  add_all(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      return usage_error(app, error, std::span(argv, static_cast<std::size_t>(argc)));
    }
    app.exit(error);  // --help or --version
    return std::cout.flush() ? ExitStatus::success : ExitStatus::failed;
  }
  return status;
}

}  // namespace

}  // namespace perdure::cli

int main(int argc, char** argv) {
  using perdure::cli::ExitStatus;
  perdure::cli::occupy_standard_descriptors();
  // If the reader of the report has gone, SIGPIPE must not end the program in silence.
  std::signal(SIGPIPE, SIG_IGN);
  // A limit of file size (ulimit -f) must not end the program and leave a temp: the write returns
  // an error instead.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return static_cast<int>(perdure::cli::run(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "perdure: " << error.what()
              << ": look at the target, what became of it is not known\n";
    return static_cast<int>(ExitStatus::not_durable);
  }
}
