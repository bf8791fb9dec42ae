// SPDX-License-Identifier: BSL-1.0
// Writes JSON into a sink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/json/members.hpp>
#include <perdure/json/place.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// Writes a JSON text value by value to a sink, in blocks. The machinery behind `Json<T>`.
///
/// Every function returns false when it failed; the writer then remembers why and writes nothing
/// more. Not for use by several threads.
class JsonWriter {
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
  bool real(double value, const JsonPlace& place);
  bool real(float value, const JsonPlace& place);
  bool text(std::string_view value, const JsonPlace& place);
  bool enumeration(std::int64_t value, std::span<const JsonEnumerator> names,
                   const JsonPlace& place);

  /// An object: `member` before each value. The top-level one gets the stamp.
  bool begin_object(const JsonPlace& place);
  bool member(std::string_view name, const JsonPlace& object);
  bool end_object(const JsonPlace& place);
  /// An array: `element` before each value.
  bool begin_array(const JsonPlace& place);
  bool element();
  bool end_array();

  /// A described struct, with the unknown members that belong to it.
  bool members(const JsonPlace& place, std::span<const JsonMember> members, const void* object);

  /// A value that is JSON text already.
  bool raw(std::string_view value);
  /// The unknown members that belong into the object at `place`.
  [[nodiscard]] std::span<const UnknownMember> unknown(const JsonPlace& place) const;

  /// Ends the text and hands the last block to the sink.
  bool finish();

  /// Notes a failure and returns false.
  bool fail(const JsonPlace& place, std::string_view words);
  /// Success, or why a function returned false.
  [[nodiscard]] Result<void> result() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
