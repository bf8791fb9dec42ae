// SPDX-License-Identifier: BSL-1.0
// Writes JSON into a sink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/json/location.hpp>
#include <perdure/json/members.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// Writes a JSON text value by value to a sink, in blocks. The machinery behind `Json<T>`.
///
/// Every function returns false when it failed; the writer then remembers why and writes nothing
/// more. Not for use by several threads.
class PERDURE_STATE_API JsonWriter {
 public:
  /// `indent` spaces for each level; 0 writes all on one line. `stamp` may be null; it and `sink`
  /// must outlive the writer.
  JsonWriter(Sink& sink, unsigned indent, const JsonLimits& limits, const Stamp* stamp);
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;
  ~JsonWriter();

  /// Writes `null`.
  bool null();
  /// Writes `true` or `false`.
  bool boolean(bool value);
  /// Writes all digits.
  bool integer(std::int64_t value);
  /// Writes all digits.
  bool natural(std::uint64_t value);
  /// Writes the fewest digits that read back as the same bits; fails for NaN and infinity.
  bool real(double value, const JsonLocation& location);
  /// The same of a float.
  bool real(float value, const JsonLocation& location);
  /// Writes a string, with the escapes that it needs; fails where it is not UTF-8.
  bool text(std::string_view value, const JsonLocation& location);
  /// Writes the name of the value as a string; fails where it has none.
  bool enumeration(std::int64_t value, std::span<const JsonEnumerator> names,
                   const JsonLocation& location);

  /// An object: `member` before each value. The top-level one gets the stamp.
  bool begin_object(const JsonLocation& location);
  /// Begins the next value of the object, which stands at `object`, by its name. Fails where the
  /// name is not UTF-8, or belongs to the stamp at the top level.
  bool member(std::string_view name, const JsonLocation& object);
  /// Ends the object; the top-level one with the checksum, if there is a stamp.
  bool end_object(const JsonLocation& location);
  /// An array: `element` before each value.
  bool begin_array(const JsonLocation& location);
  /// Begins the next value of the array.
  bool element();
  /// Ends the array.
  bool end_array();

  /// A described struct, with the unknown members that belong to it.
  bool members(const JsonLocation& location, std::span<const JsonMember> members,
               const void* object);

  /// A value that is JSON text already.
  bool raw(std::string_view value);
  /// The same, but its depth counts for the limits. At the top level the stamp joins the members of
  /// the object.
  bool spelled(std::string_view value, const JsonLocation& location);
  /// The unknown members that belong in the object at `location`.
  [[nodiscard]] std::span<const UnknownMember> unknown(const JsonLocation& location) const;

  /// Ends the text and hands the last block to the sink.
  bool finish();

  /// Notes a failure and returns false.
  bool fail(const JsonLocation& location, std::string_view words);
  /// Success, or why a function returned false.
  [[nodiscard]] Result<void> result() const;

 private:
  bool refuse_name(std::string_view name, const JsonLocation& object);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
