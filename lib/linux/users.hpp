// SPDX-License-Identifier: BSL-1.0
// Whether the number of an owner or a group stands for one user or group.
#pragma once

#include <cstdint>

namespace perdure {

/// False for the overflow uid, unless this user name space has a number for every user. Reads /proc
/// for that one number alone; without /proc the answer is false.
[[nodiscard]] bool is_known_user_native(std::uint32_t owner);
/// The same of the overflow gid and groups.
[[nodiscard]] bool is_known_group_native(std::uint32_t group);

}  // namespace perdure
