// SPDX-License-Identifier: BSL-1.0
// Users and groups as they are named on a command line: by name or by number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace perdure::cli {

/// The number of the user, or the group, that `text` names, or that it is. Empty where it is
/// neither. A name of digits is looked up first, as chown(1) does.
std::optional<std::uint32_t> find_user(const std::string& text);
std::optional<std::uint32_t> find_group(const std::string& text);

/// Words for the command line; empty where there is such a user or group.
std::string check_user(const std::string& text);
std::string check_group(const std::string& text);

}  // namespace perdure::cli
