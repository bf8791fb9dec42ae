// SPDX-License-Identifier: BSL-1.0
// Fills in the six fields of an error.
#include "base/make_error.hpp"

namespace perdure {

Error make_error(std::string_view step, std::string path, std::error_code cause,
                 std::string detail) {
  return {.kind = ErrorKind::system,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = std::string(step),
          .path = std::move(path),
          .detail = std::move(detail)};
}

Error make_error(std::string_view step, std::string path, ErrorKind kind, std::string detail) {
  Error error = make_error(step, std::move(path), std::error_code(), std::move(detail));
  error.kind = kind;
  return error;
}

Error reading(Error error) {
  error.reading = true;
  return error;
}

}  // namespace perdure
