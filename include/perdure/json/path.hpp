// SPDX-License-Identifier: BSL-1.0
// Paths as JSON: a string, and the key of a map.
#pragma once

#include <concepts>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/json/forward.hpp>
#include <perdure/path.hpp>

namespace perdure {

/// The paths of the standard library and of this one.
template <class P>
concept JsonPath = std::same_as<P, std::filesystem::path> || std::same_as<P, Path>;

/// As it is spelled. A path whose bytes are not UTF-8 has no form in JSON: an error.
template <JsonPath P>
bool read_json(JsonReader& reader, P& out, const JsonLocation& location) {
  std::string text;
  if (!reader.text(text, location)) return false;
  out = P(std::move(text));
  return true;
}
/// The same, to write.
template <JsonPath P>
bool write_json(JsonWriter& writer, const P& value, const JsonLocation& location) {
  return writer.text(value.native(), location);
}

/// As `read_json` reads it.
template <JsonPath P>
inline constexpr JsonKind json_kind<P> = JsonKind::string;

/// A path as a key is spelled as the path is. Any text is a path.
template <JsonPath P>
struct JsonKey<P> {
  /// The writer refuses bytes that are not UTF-8.
  static std::string write(const P& key) { return key.native(); }
  /// Always true.
  static bool read(std::string_view text, P& out) {
    out = P(std::string(text));
    return true;
  }
};

}  // namespace perdure
