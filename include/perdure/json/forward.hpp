// SPDX-License-Identifier: BSL-1.0
// The two functions that each type has, declared before those of other types call them.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <perdure/detail/export.hpp>
#include <perdure/json/location.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

namespace perdure {

/// A type of one's own gets a form in JSON by these two functions in its own namespace, with the
/// type in the place of `T`. They return what the calls of the reader and the writer return, and
/// report a failure by `reader.fail`. Nothing else is needed to have the type in a struct, a
/// container, an optional or a pointer.
template <class T>
bool read_json(JsonReader& reader, T& out, const JsonLocation& location);
/// The second of the two; `writer.fail` reports a failure.
template <class T>
bool write_json(JsonWriter& writer, const T& value, const JsonLocation& location);

/// The kind of JSON value that such a type is written as. Specialize it for an alternative of a
/// variant: `template <> inline constexpr JsonKind perdure::json_kind<Uuid> = JsonKind::string;`
template <class T>
inline constexpr JsonKind json_kind = JsonKind::malformed;

/// How such a type is written as the key of a map; specialize it. One text for each key.
///
///     template <>
///     struct perdure::JsonKey<Uuid> {
///       static std::string write(const Uuid& key) { return to_string(key); }
///       static bool read(std::string_view text, Uuid& out);  // false: it is none
///     };
template <class K>
struct JsonKey;
/// A type with a key of that kind.
template <class K>
concept JsonOwnKey = requires(const K& key, K& out, std::string_view text) {
  { JsonKey<K>::write(key) } -> std::convertible_to<std::string>;
  { JsonKey<K>::read(text, out) } -> std::same_as<bool>;
};

// Boost.JSON's types. Only a program that uses them has to include <boost/json.hpp>.

/// Any value of Boost.JSON.
PERDURE_STATE_API bool read_json(JsonReader& reader, boost::json::value& out,
                                 const JsonLocation& location);
/// The same of an object.
PERDURE_STATE_API bool read_json(JsonReader& reader, boost::json::object& out,
                                 const JsonLocation& location);
/// The same of an array.
PERDURE_STATE_API bool read_json(JsonReader& reader, boost::json::array& out,
                                 const JsonLocation& location);
/// The same of a string.
PERDURE_STATE_API bool read_json(JsonReader& reader, boost::json::string& out,
                                 const JsonLocation& location);
/// Writes such a value.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const boost::json::value& value,
                                  const JsonLocation& location);
/// The same of an object.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const boost::json::object& value,
                                  const JsonLocation& location);
/// The same of an array.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const boost::json::array& value,
                                  const JsonLocation& location);
/// The same of a string.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const boost::json::string& value,
                                  const JsonLocation& location);

}  // namespace perdure
