// SPDX-License-Identifier: BSL-1.0
#include <string>
#include <variant>

#include <perdure/json.hpp>

#ifdef PERDURE_RIGHT
using State = std::variant<int, std::string>;
#else
using State = std::variant<int, double>;
#endif

perdure::Result<State> load(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize(bytes);
}
