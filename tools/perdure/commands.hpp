// SPDX-License-Identifier: BSL-1.0
// The subcommands, one file each. Each function adds its subcommand to `app`. When the user chose
// it, the subcommand runs within `app.parse` and leaves its exit status in `status`.
#pragma once

#include <CLI/App.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

/// The whole command line: name, version, help, and every subcommand.
void add_all(CLI::App& app, ExitStatus& status);

void add_write(CLI::App& app, ExitStatus& status);
void add_remove(CLI::App& app, ExitStatus& status);
void add_version_of(CLI::App& app, ExitStatus& status);
void add_probe(CLI::App& app, ExitStatus& status);
void add_clean(CLI::App& app, ExitStatus& status);
void add_apply(CLI::App& app, ExitStatus& status);
void add_backup(CLI::App& app, ExitStatus& status);
void add_recover(CLI::App& app, ExitStatus& status);
void add_inspect(CLI::App& app, ExitStatus& status);
void add_state(CLI::App& app, ExitStatus& status);
void add_bench(CLI::App& app, ExitStatus& status);

}  // namespace perdure::cli
