// SPDX-License-Identifier: BSL-1.0
#include <perdure/json.hpp>

struct Inner {
  int number = 0;
};
#ifdef PERDURE_RIGHT
BOOST_DESCRIBE_STRUCT(Inner, (), (number))
#endif

struct State {
  Inner inner;
};
BOOST_DESCRIBE_STRUCT(State, (), (inner))

perdure::Result<State> load(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize(bytes);
}
