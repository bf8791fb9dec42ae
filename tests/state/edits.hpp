// SPDX-License-Identifier: BSL-1.0
// Edits of the tests' state, and one that calls itself off.
#pragma once

#include <functional>
#include <string>

#include "count.hpp"

namespace perdure::test {

inline Error refused() {
  return {.kind = ErrorKind::invalid_argument,
          .cause = {},
          .step = "edit",
          .path = {},
          .detail = "not this one"};
}

inline std::function<Result<void>(Count&)> note(const std::string& text) {
  return [text](Count& count) -> Result<void> {
    count.notes.push_back(text);
    return success();
  };
}

}  // namespace perdure::test
