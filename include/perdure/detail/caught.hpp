// SPDX-License-Identifier: BSL-1.0
// An exception of users' code, as an error.
#pragma once

#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>

namespace perdure::detail {

/// Turns the exception that is being handled into an error: std::bad_alloc, or an exception of any
/// type of the user. Called from a catch block.
[[nodiscard]] PERDURE_API Error caught(std::string_view step) noexcept;

}  // namespace perdure::detail
