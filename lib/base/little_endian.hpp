// SPDX-License-Identifier: BSL-1.0
// Integers as bytes, the least significant first, on machines of any byte order.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <perdure/bytes.hpp>

namespace perdure {

/// The bytes of `value`. A negative one is in two's complement.
template <std::integral T>
[[nodiscard]] constexpr std::array<std::byte, sizeof(T)> little_endian_bytes(T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  const std::uint64_t bits{static_cast<std::make_unsigned_t<T>>(value)};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::byte>(bits >> (8 * i) & 0xFFU);
  }
  return bytes;
}

/// The integer in the first bytes of `bytes`, which must have enough of them.
template <std::integral T>
[[nodiscard]] constexpr T from_little_endian(Bytes bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return static_cast<T>(bits);
}

}  // namespace perdure
