// SPDX-License-Identifier: BSL-1.0
// Options for the owner, the group and the special bits of a new file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace perdure::cli {

/// The number of the user, or the group, that `text` names; or `text` as a number. Empty where it
/// is neither. Digits are first looked up as a name, as chown(1) does.
std::optional<std::uint32_t> find_user(const std::string& text);
std::optional<std::uint32_t> find_group(const std::string& text);

/// Words for the command line; empty where there is such a user or group.
std::string check_user(const std::string& text);
std::string check_group(const std::string& text);

CLI::Option* add_keep_special_option(CLI::App& command, bool& keep_special);

}  // namespace perdure::cli
