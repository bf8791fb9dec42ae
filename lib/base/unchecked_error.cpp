// SPDX-License-Identifier: BSL-1.0
// Throws where a program asked a Result for a value or an error that it does not have.
#include <perdure/unchecked_error.hpp>

namespace perdure {

UncheckedError::UncheckedError(const Error& error)
    : std::runtime_error(error.message()), error_(std::make_shared<const Error>(error)) {}

namespace detail {

void throw_unchecked(const Error& error) {
  throw UncheckedError(error);
}
void throw_unchecked(const std::error_code& error) {
  throw std::system_error(error);
}
void throw_without_error() {
  throw std::logic_error("perdure: error() of a Result that has a value");
}

}  // namespace detail

}  // namespace perdure
