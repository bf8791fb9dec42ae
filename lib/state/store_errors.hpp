// SPDX-License-Identifier: BSL-1.0
// Errors that all stores of states have in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/state_store.hpp>

#include "base/internal.hpp"

namespace perdure {

/// Refuses a state of more bytes than its store takes, before anything is done.
PERDURE_INTERNAL_API Result<void> check_size(std::uint64_t size, const StoreLimits& limits,
                                             std::string path,
                                             std::string_view step = "save the state");

/// A commit, or `step`, that found another state than it expects.
[[nodiscard]] PERDURE_INTERNAL_API Error store_conflict(std::string_view step, std::string path);

}  // namespace perdure
