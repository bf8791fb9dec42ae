// SPDX-License-Identifier: BSL-1.0
// Says why a store refuses a state.
#include "state/store_errors.hpp"

#include <utility>

#include "base/make_error.hpp"

namespace perdure {

Result<void> check_size(std::uint64_t size, const StoreLimits& limits, std::string path,
                        std::string_view step) {
  if (size <= limits.size_max) return success();
  return make_error(step, std::move(path), ErrorKind::invalid_argument,
                    "it has " + std::to_string(size) + " bytes, and " +
                        std::to_string(limits.size_max) + " are the most that would be read");
}

Error store_conflict(std::string_view step, std::string path) {
  return make_error(step, std::move(path), ErrorKind::conflict,
                    "the target was changed since it was read; read it again");
}

}  // namespace perdure
