// SPDX-License-Identifier: BSL-1.0
// A described type as the reader and the writer see it, and the limits of both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <perdure/json/location.hpp>

namespace perdure {

/// The limits of texts that a program reads or writes.
struct JsonLimits {
  /// Bytes of the whole text. 4 GiB - 64 is the limit of the parser, whatever this says. The limit
  /// bounds memory, too. Beside text and value, reading takes up to seven bytes for each byte of
  /// the text: an index of four, a copy, room for strings. The names of an object take up to ten
  /// more.
  std::size_t size_max = std::size_t{1} << 30U;
  /// Objects and arrays within each other. Each costs a few hundred bytes of stack.
  unsigned depth_max = 64;
};

class JsonReader;
class JsonWriter;

/// Takes the value that the reader stands at: a member (`at.key`) or an element (`at.index`). Must
/// read it, or fail. `context` is the argument of `object` or `array`.
using JsonTake = bool (*)(JsonReader& reader, void* context, const JsonLocation& at);

/// How many members a described struct may have, those of its bases included.
inline constexpr std::size_t json_members_max = 256;

/// A member of a described struct, its type forgotten.
struct JsonMember {
  std::string_view name;  ///< As the text has it, without escapes.
  /// Reads the value that the reader stands at into this member of `object`.
  bool (*read)(JsonReader& reader, void* object, const JsonLocation& at);
  /// Writes this member of `object`.
  bool (*write)(JsonWriter& writer, const void* object, const JsonLocation& at);
};

/// A value of a described enum.
struct JsonEnumerator {
  std::string_view name;  ///< As the text has it, without escapes.
  std::int64_t value;     ///< The enumerator's, as an integer.
};

}  // namespace perdure
