// SPDX-License-Identifier: BSL-1.0
// JSON with a stamp for C++ types, as a serializer.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/fwd.hpp>

#include <perdure/bytes.hpp>
#include <perdure/detail/caught.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/types.hpp>
#include <perdure/json/writer.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

namespace json_detail {

/// The object around a state that is not an object: the state is its one member, and the stamp has
/// a place beside it.
template <class T>
inline constexpr std::array<JsonMember, 1> wrapping{
    JsonMember{"state",
               [](JsonReader& reader, void* state, const JsonLocation& at) {
                 return read_json(reader, *static_cast<T*>(state), at);
               },
               [](JsonWriter& writer, const void* state, const JsonLocation& at) {
                 return write_json(writer, *static_cast<const T*>(state), at);
               }}};

/// The generation in a text that may be damaged, cut off, or not of this type; 0 if it has none.
[[nodiscard]] PERDURE_STATE_API std::uint64_t claimed_generation(Bytes bytes,
                                                                 const JsonLimits& limits) noexcept;

}  // namespace json_detail

/// A value as a JSON text (RFC 8259), and back. A Serializer and a StampedSerializer.
///
/// `T` may be made of: structs described with BOOST_DESCRIBE_STRUCT or _CLASS, bases included;
/// enums described with BOOST_DESCRIBE_ENUM, by name; `bool`, integers up to 64 bits, `double`,
/// `float`, `std::string` in UTF-8; `std::optional` and `std::unique_ptr` (null or a value);
/// vectors, lists, arrays, sets, pairs and tuples (arrays); maps with a string, an integer or an
/// enum as key (objects); `std::chrono` times of the system clock (ISO 8601, UTC) and durations (a
/// count of their own unit: name the unit in the member); variants whose alternatives differ in
/// kind; `boost::json::value`, `object` and `array` for values without a type of your own.
/// docs/format-state.md has the table.
///
///     struct Job { std::string name; int attempts = 0; };
///     BOOST_DESCRIBE_STRUCT(Job, (), (name, attempts))
///     auto job = perdure::Json<Job>{}.deserialize(bytes);
///
/// Reading is strict, and trusts nothing: range, type, UTF-8, escapes, grammar and duplicate names
/// are checked, and an error names the member: "active.a.attempts: expected an integer, found a
/// string". A member that is missing keeps the value that a default-constructed `T` has; null is an
/// error for a member that is not optional. The text that it writes is UTF-8 and ends with a
/// newline; a double reads back as the same bits; NaN and infinity are refused.
///
/// Nothing throws, not even for lack of memory. A `Json` is a plain value; any number of threads
/// may use one at the same time.
template <class T>
struct Json {
  /// The form in which Migrations change a state of an older schema.
  using SchemalessForm = MigratedObject;       // a boost::json::object
  using Schemaless = Json<SchemalessForm>;     ///< The serializer of that form.
  static constexpr bool keeps_lineage = true;  ///< The stamp has its lineage.

  unsigned indent = 2;  ///< Spaces for each level; 0: all on one line.
  JsonLimits limits{};  ///< Beyond them both reading and writing fail.

  /// Writes `value`, in blocks of 64 KiB: the text is never all in memory here.
  Result<void> serialize(const T& value, Sink& sink) const try {
    JsonWriter writer(sink, indent, limits, nullptr);
    static_cast<void>(write_json(writer, value, JsonLocation{}) && writer.finish());
    return writer.result();
  } catch (...) {
    return detail::caught("write the JSON text");
  }

  /// Reads a text without a stamp. Members that `T` does not have are checked and dropped.
  Result<T> deserialize(Bytes bytes) const try {
    T value{};
    JsonReader reader(limits);
    if (reader.open(bytes) && read_json(reader, value, JsonLocation{}) && reader.close()) {
      return value;
    }
    return reader.error();
  } catch (...) {
    return detail::caught("read the JSON text");
  }

  /// Writes an object with the members of `value`, the unknown members of the stamp, and the stamp.
  /// A `T` that is not an object becomes the member `state`.
  Result<void> serialize_stamped(const T& value, const Stamp& stamp, Sink& sink) const try {
    check_names();
    JsonWriter writer(sink, indent, limits, &stamp);
    static_cast<void>(write_top(writer, value) && writer.finish());
    return writer.result();
  } catch (...) {
    return detail::caught("write the JSON text");
  }

  /// Reads what `serialize_stamped` wrote, or a text with no stamp at all (`Stamped::stamped` is
  /// false then). Any change of a stamped text is ErrorKind::corrupt.
  Result<Stamped<T>> deserialize_stamped(Bytes bytes) const { return read_stamped(bytes, true); }

  /// As `deserialize_stamped`, but takes a text whose stamp is damaged as it is: to accept an edit
  /// by hand. The returned stamp has the parts that could be read.
  Result<Stamped<T>> deserialize_edited(Bytes bytes) const { return read_stamped(bytes, false); }

  /// The generation that a text claims to be, damaged or not; 0 if it does not say.
  std::uint64_t claimed_generation(Bytes bytes) const noexcept {
    return json_detail::claimed_generation(bytes, limits);
  }

  /// The serializer with which Migrations read and write a state of an older schema.
  Schemaless schemaless() const { return {.indent = 0, .limits = limits}; }

 private:
  static constexpr void check_names() {
    static_assert(!json_detail::has_stamp_name<T>(),
                  "perdure: generation, last_updated, checksum, schema_version and lineage are "
                  "members that the tracker writes itself: name the members of your state "
                  "otherwise");
  }

  static bool write_top(JsonWriter& writer, const T& value) {
    if constexpr (json_is_object<T>) {
      return write_json(writer, value, JsonLocation{});
    } else {
      return writer.members(JsonLocation{}, json_detail::wrapping<T>, &value);
    }
  }

  Result<Stamped<T>> read_stamped(Bytes bytes, bool strict) const try {
    check_names();
    Stamped<T> out;
    JsonReader reader(limits);
    reader.expect_stamp();
    const bool done = reader.open(bytes) && read_top(reader, out.value) && reader.close();
    const Result<bool> stamped = reader.verify_stamp();
    if (!stamped && (strict || !done || stamped.error().kind != ErrorKind::corrupt)) {
      return stamped.error();
    }
    out.stamped = stamped && stamped.value();
    out.stamp = std::move(reader.stamp());
    return out;
  } catch (...) {
    return detail::caught("read the JSON text");
  }

  static bool read_top(JsonReader& reader, T& value) {
    if constexpr (json_is_object<T>) {
      return read_json(reader, value, JsonLocation{});
    } else {
      return reader.members(JsonLocation{}, json_detail::wrapping<T>, &value);
    }
  }
};

}  // namespace perdure
