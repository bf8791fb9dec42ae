// SPDX-License-Identifier: BSL-1.0
// Says why a store refuses a state.
#include "state/store_errors.hpp"

#include <utility>

#include "base/make_error.hpp"

namespace perdure {

Result<void> check_size(Bytes image, const StoreLimits& limits, std::string path) {
  if (image.size() <= limits.size_max) return success();
  return make_error("save the state", std::move(path), ErrorKind::invalid_argument,
                    "it has " + std::to_string(image.size()) + " bytes, and " +
                        std::to_string(limits.size_max) + " are the most that would be read");
}

Error store_conflict(std::string_view step, std::string path) {
  return make_error(step, std::move(path), ErrorKind::conflict,
                    "the target was changed since it was read; read it again");
}

}  // namespace perdure
