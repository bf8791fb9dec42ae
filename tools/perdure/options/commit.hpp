// SPDX-License-Identifier: BSL-1.0
// Options that all committing commands share.
#pragma once

#include <chrono>
#include <string>

#include <CLI/App.hpp>

#include <perdure/options.hpp>

namespace perdure::cli {

/// Adds --protocol.
void add_protocol_option(CLI::App& command, ProtocolChoice& choice);
/// Adds --durability, for a command that also works on file systems without directory sync.
void add_durability_option(CLI::App& command, Durability& durability, const char* without);

/// Adds --expect, whose text is a version.
void add_expect_option(CLI::App& command, std::string& version);
/// Adds --lock-timeout, in seconds.
void add_lock_timeout_option(CLI::App& command, std::chrono::milliseconds& timeout_ms);
/// Adds --private-directory, of a root.
void add_private_directory_option(CLI::App& command, std::string& name);

}  // namespace perdure::cli
