// SPDX-License-Identifier: BSL-1.0
#include "base/little_endian.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace perdure;

namespace {

template <class T>
constexpr bool comes_back(T value) {
  return from_little_endian<T>(little_endian_bytes(value)) == value;
}

template <class T>
constexpr bool limits_come_back() {
  using Limits = std::numeric_limits<T>;
  return comes_back(T{0}) && comes_back(T{1}) && comes_back(Limits::min()) &&
         comes_back(Limits::max());
}

}  // namespace

TEST_CASE("the least significant byte comes first, whatever the machine does") {
  STATIC_REQUIRE(little_endian_bytes(std::uint32_t{0x01020304}) ==
                 std::array{std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1}});
  STATIC_REQUIRE(little_endian_bytes(std::int16_t{-2}) ==
                 std::array{std::byte{0xFE}, std::byte{0xFF}});
}

TEST_CASE("integers of every size and sign come back from their bytes") {
  STATIC_REQUIRE(limits_come_back<std::uint8_t>());
  STATIC_REQUIRE(limits_come_back<std::int8_t>());
  STATIC_REQUIRE(limits_come_back<std::uint16_t>());
  STATIC_REQUIRE(limits_come_back<std::int16_t>());
  STATIC_REQUIRE(limits_come_back<std::uint32_t>());
  STATIC_REQUIRE(limits_come_back<std::int32_t>());
  STATIC_REQUIRE(limits_come_back<std::uint64_t>());
  STATIC_REQUIRE(limits_come_back<std::int64_t>());
}

TEST_CASE("bytes behind the integer are not looked at") {
  const std::array bytes{std::byte{1}, std::byte{2}, std::byte{3}};
  CHECK(from_little_endian<std::uint16_t>(bytes) == 0x0201);
}
