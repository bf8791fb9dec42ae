// SPDX-License-Identifier: BSL-1.0
// The laboratory's command line.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "options.hpp"

namespace crashlab {

/// All that the command line says.
struct Options {
  RunOptions run;
  JudgeOptions judge;
  CallsOptions calls;
  DiskOptions disk;
  KeptOptions kept;
  std::string ack;
  std::vector<std::string> help;  ///< the words of a command
  std::string probe_guest;
  std::string signs;               ///< of a laboratory in a guest
  std::vector<std::string> words;  ///< as they were given
};

/// Name, version, help, and every subcommand. `options` outlives `app`.
void add_all(CLI::App& app, Options& options);

}  // namespace crashlab
