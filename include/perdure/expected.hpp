// SPDX-License-Identifier: BSL-1.0
// Results as std::expected, where the standard library has it; otherwise nothing.
#pragma once

#include <version>

#ifdef __cpp_lib_expected

#include <expected>
#include <utility>

#include <perdure/error.hpp>

namespace perdure {

/// The same value, or the same error.
template <class T>
std::expected<T, Error> to_expected(Result<T> result) {
  if (!result) return std::unexpected(std::move(result).error());
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(result).value();
  }
}

/// The way back.
template <class T>
Result<T> from_expected(std::expected<T, Error> expected) {
  if (!expected) return std::move(expected).error();
  if constexpr (std::is_void_v<T>) {
    return success();
  } else {
    return std::move(expected).value();
  }
}

}  // namespace perdure

#endif
