// SPDX-License-Identifier: BSL-1.0
#include <map>
#include <string>
#include <vector>

#include <perdure/json.hpp>

#ifdef PERDURE_RIGHT
using State = std::map<int, std::string>;
#else
using State = std::map<double, std::string>;
#endif

perdure::Result<State> load(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize(bytes);
}
