// SPDX-License-Identifier: BSL-1.0
// Paths as JSON: a string, and the key of a map.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <perdure/json/forward.hpp>
#include <perdure/path.hpp>

namespace perdure {

/// As it is spelled. A path whose bytes are not UTF-8 has no form in JSON: an error.
inline bool read_json(JsonReader& reader, std::filesystem::path& out,
                      const JsonLocation& location) {
  std::string text;
  if (!reader.text(text, location)) return false;
  out = std::move(text);
  return true;
}
inline bool write_json(JsonWriter& writer, const std::filesystem::path& value,
                       const JsonLocation& location) {
  return writer.text(value.native(), location);
}

inline bool read_json(JsonReader& reader, Path& out, const JsonLocation& location) {
  std::string text;
  if (!reader.text(text, location)) return false;
  out = Path(std::move(text));
  return true;
}
inline bool write_json(JsonWriter& writer, const Path& value, const JsonLocation& location) {
  return writer.text(value.native(), location);
}

template <>
inline constexpr JsonKind json_kind<std::filesystem::path> = JsonKind::string;
template <>
inline constexpr JsonKind json_kind<Path> = JsonKind::string;

template <>
struct JsonKey<std::filesystem::path> {
  static std::string write(const std::filesystem::path& key) { return key.native(); }
  static bool read(std::string_view text, std::filesystem::path& out) {
    out = text;
    return true;
  }
};
template <>
struct JsonKey<Path> {
  static std::string write(const Path& key) { return key.native(); }
  static bool read(std::string_view text, Path& out) {
    out = Path(std::string(text));
    return true;
  }
};

}  // namespace perdure
