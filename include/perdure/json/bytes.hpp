// SPDX-License-Identifier: BSL-1.0
// Bytes as JSON: a string in base64.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/json/forward.hpp>

namespace perdure {

/// In base64 with padding (RFC 4648, section 4). Read strictly: one text for each content.
PERDURE_STATE_API bool read_json(JsonReader& reader, std::vector<std::byte>& out,
                                 const JsonLocation& location);
/// The same, to write.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const std::vector<std::byte>& value,
                                  const JsonLocation& location);

namespace json_detail {

PERDURE_STATE_API bool read_bytes(JsonReader& reader, std::span<std::byte> out,
                                  const JsonLocation& location);
PERDURE_STATE_API bool write_bytes(JsonWriter& writer, Bytes value, const JsonLocation& location);

}  // namespace json_detail

/// The same of exactly `N` bytes.
template <std::size_t N>
bool read_json(JsonReader& reader, std::array<std::byte, N>& out, const JsonLocation& location) {
  return json_detail::read_bytes(reader, out, location);
}
/// The same, to write.
template <std::size_t N>
bool write_json(JsonWriter& writer, const std::array<std::byte, N>& value,
                const JsonLocation& location) {
  return json_detail::write_bytes(writer, value, location);
}

template <>
inline constexpr JsonKind json_kind<std::vector<std::byte>> = JsonKind::string;
template <std::size_t N>
inline constexpr JsonKind json_kind<std::array<std::byte, N>> = JsonKind::string;

}  // namespace perdure
