// SPDX-License-Identifier: BSL-1.0
// The subcommands of `perdure state`: some only look, others save.
#pragma once

#include <CLI/App.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

void add_state_show(CLI::App& state, ExitStatus& status);
void add_state_get(CLI::App& state, ExitStatus& status);
void add_state_verify(CLI::App& state, ExitStatus& status);
void add_state_history(CLI::App& state, ExitStatus& status);

void add_state_set(CLI::App& state, ExitStatus& status);
void add_state_unset(CLI::App& state, ExitStatus& status);
void add_state_accept(CLI::App& state, ExitStatus& status);
void add_state_restore(CLI::App& state, ExitStatus& status);

void add_state_copy(CLI::App& state, ExitStatus& status);

/// Adds POINTER; the parser refuses a text that is not a JSON Pointer.
void add_pointer(CLI::App& command, std::string& pointer);

}  // namespace perdure::cli
