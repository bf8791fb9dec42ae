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

  bool null();
  bool boolean(bool value);
  bool integer(std::int64_t value);
  bool natural(std::uint64_t value);
  bool real(double value, const JsonLocation& location);
  bool real(float value, const JsonLocation& location);
  bool text(std::string_view value, const JsonLocation& location);
  bool enumeration(std::int64_t value, std::span<const JsonEnumerator> names,
                   const JsonLocation& location);

  /// An object: `member` before each value. The top-level one gets the stamp.
  bool begin_object(const JsonLocation& location);
  bool member(std::string_view name, const JsonLocation& object);
  bool end_object(const JsonLocation& location);
  /// An array: `element` before each value.
  bool begin_array(const JsonLocation& location);
  bool element();
  bool end_array();

  /// A described struct, with the unknown members that belong to it.
  bool members(const JsonLocation& location, std::span<const JsonMember> members,
               const void* object);

  /// A value that is JSON text already.
  bool raw(std::string_view value);
  /// The same, whose depth counts. At the top level the stamp joins the members of the object.
  bool spelled(std::string_view value, const JsonLocation& location);
  /// The unknown members that belong into the object at `location`.
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
