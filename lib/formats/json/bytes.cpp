// SPDX-License-Identifier: BSL-1.0
// Bytes as strings in base64.
#include <algorithm>
#include <string>
#include <string_view>

#include <perdure/json/bytes.hpp>

#include "formats/base64.hpp"
#include "formats/json/parsed.hpp"

namespace perdure {
bool read_json(JsonReader& reader, std::vector<std::byte>& out, const JsonLocation& location) {
  return json_detail::read_parsed(reader, location, "bytes in base64",
                                  [&](std::string_view text) { return from_base64(text, out); });
}

bool write_json(JsonWriter& writer, const std::vector<std::byte>& value,
                const JsonLocation& location) {
  return json_detail::write_bytes(writer, value, location);
}

bool json_detail::read_bytes(JsonReader& reader, std::span<std::byte> out,
                             const JsonLocation& location) {
  Buffer bytes;
  if (!read_json(reader, bytes, location)) return false;
  if (bytes.size() != out.size()) {
    return reader.fail(location, "expected " + std::to_string(out.size()) + " bytes, found " +
                                     std::to_string(bytes.size()));
  }
  std::ranges::copy(bytes, out.begin());
  return true;
}

bool json_detail::write_bytes(JsonWriter& writer, Bytes value, const JsonLocation& location) {
  return writer.text(to_base64(value), location);
}

}  // namespace perdure
