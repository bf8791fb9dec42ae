// SPDX-License-Identifier: BSL-1.0
// Makes errors whose fate is `unchanged`, and marks those of reading.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <perdure/error.hpp>

#include "base/internal.hpp"

namespace perdure {

/// The error of a system call that failed, before anything was changed.
[[nodiscard]] PERDURE_INTERNAL_API Error make_error(std::string_view step, std::string path,
                                                    std::error_code cause, std::string detail = {});
/// An error without a system call. `path` is empty if only the caller knows it.
[[nodiscard]] PERDURE_INTERNAL_API Error make_error(std::string_view step, std::string path,
                                                    ErrorKind kind, std::string detail);

/// The same error, of a call that only reads, or that has no target.
[[nodiscard]] PERDURE_INTERNAL_API Error reading(Error error);
/// The same for a result.
template <class T>
[[nodiscard]] Result<T> reading(Result<T> result) {
  if (!result) result.error() = reading(std::move(result.error()));
  return result;
}

}  // namespace perdure
