// SPDX-License-Identifier: BSL-1.0
// The options --protocol and --durability.
#pragma once

#include <CLI/App.hpp>

#include <perdure/options.hpp>

namespace perdure::cli {

/// Adds --protocol.
void add_protocol_option(CLI::App& command, ProtocolChoice& choice);
/// Adds --durability of a command that is for file systems without directory sync, too.
void add_durability_option(CLI::App& command, Durability& durability, const char* without);

}  // namespace perdure::cli
