// SPDX-License-Identifier: BSL-1.0
// Types with and without a form in JSON, right and wrong, pair by pair. Each case is compiled by
// itself (-DCASE_name); the line above a wrong one is what the compiler's first error has to say.
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include <perdure/json.hpp>

#if defined(CASE_map_key_of_integers)
using State = std::map<int, std::string>;

// expect: perdure: the key of a map in JSON is a std::string, an integer or an enum
#elif defined(CASE_map_key_of_doubles)
using State = std::map<double, std::string>;

#elif defined(CASE_variant_of_two_kinds)
using State = std::variant<int, std::string>;

// expect: perdure: the alternatives of a variant in JSON are told apart by their kind
#elif defined(CASE_variant_of_one_kind)
using State = std::variant<int, double>;

#elif defined(CASE_described)
struct Inner {
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (number))
struct State {
  Inner inner;
};
BOOST_DESCRIBE_STRUCT(State, (), (inner))

// expect: perdure: this type has no form in JSON
#elif defined(CASE_undescribed)
struct Inner {
  int number = 0;
};
struct State {
  Inner inner;
};
BOOST_DESCRIBE_STRUCT(State, (), (inner))

#elif defined(CASE_stamp_name_free)
struct State {
  std::uint64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(State, (), (number))

// expect: perdure: generation, last_updated, checksum, schema_version and lineage are members
#elif defined(CASE_stamp_name_taken)
struct State {
  std::uint64_t generation = 0;
};
BOOST_DESCRIBE_STRUCT(State, (), (generation))
#endif

perdure::Result<State> load(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize(bytes);
}
perdure::Result<perdure::Stamped<State>> load_stamped(perdure::Bytes bytes) {
  return perdure::Json<State>{}.deserialize_stamped(bytes);
}
