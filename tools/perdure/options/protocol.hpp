// SPDX-License-Identifier: BSL-1.0
// The option --protocol.
#pragma once

#include <CLI/App.hpp>

#include <perdure/options.hpp>

namespace perdure::cli {

/// Adds --protocol.
void add_protocol_option(CLI::App& command, ProtocolChoice& choice);

}  // namespace perdure::cli
