// SPDX-License-Identifier: BSL-1.0
#include <cstdint>

#include <perdure/json.hpp>

struct State {
#ifdef PERDURE_RIGHT
  std::uint64_t number = 0;
#else
  std::uint64_t generation = 0;
#endif
};
#ifdef PERDURE_RIGHT
BOOST_DESCRIBE_STRUCT(State, (), (number))
#else
BOOST_DESCRIBE_STRUCT(State, (), (generation))
#endif

perdure::Result<perdure::Stamped<State>> load(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize_stamped(bytes);
}
