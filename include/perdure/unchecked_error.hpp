// SPDX-License-Identifier: BSL-1.0
// The exception of a Result that nobody looked at.
#pragma once

#include <memory>
#include <stdexcept>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>

namespace perdure {

/// Thrown by `value()` of a Result that has an error. `what()` is Error::message(). Copying it
/// throws nothing.
class PERDURE_API UncheckedError : public std::runtime_error {
 public:
  /// Copies the error, which may throw std::bad_alloc.
  explicit UncheckedError(const Error& error);
  /// As long as this or a copy of it lives.
  [[nodiscard]] const Error& error() const noexcept { return *error_; }

 private:
  std::shared_ptr<const Error> error_;
};

}  // namespace perdure
