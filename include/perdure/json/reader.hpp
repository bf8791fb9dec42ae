// SPDX-License-Identifier: BSL-1.0
// Reads JSON, strictly, from one value to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/json/location.hpp>
#include <perdure/json/members.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// A kind of JSON value, as its first character shows it.
enum class JsonKind { null, boolean, number, string, array, object, malformed };

/// Reads a JSON text value by value, in the order of the text. The machinery behind `Json<T>`;
/// programs have no need of it.
///
/// Every function that reads returns false when it failed; the reader then remembers why and must
/// not be used further, except for `error`. All of the text that is read is checked, skipped values
/// too: grammar, UTF-8, escapes, numbers, duplicate names. Not for use by several threads.
class PERDURE_STATE_API JsonReader {
 public:
  /// Copies `limits`. Stands at no value before `open`.
  explicit JsonReader(const JsonLimits& limits);
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;
  ~JsonReader();

  /// Copies `bytes` and stands at the one value that they are.
  bool open(Bytes bytes);
  /// Nothing follows the value.
  bool close();

  /// From now on the stamp's members of the top-level object go to the stamp, and unknown members
  /// are kept in it.
  void expect_stamp();

  /// Of the value that the reader stands at; `malformed` where no value begins so.
  [[nodiscard]] JsonKind kind() const;

  /// Reads a null; any other kind of value is a failure, here and in the calls that follow.
  bool null(const JsonLocation& location);
  /// Reads true or false.
  bool boolean(bool& out, const JsonLocation& location);
  /// Reads an integer from `low` to `high`, without fraction and exponent.
  bool integer(std::int64_t& out, std::int64_t low, std::int64_t high,
               const JsonLocation& location);
  /// The same from 0 to `high`.
  bool natural(std::uint64_t& out, std::uint64_t high, const JsonLocation& location);
  /// Reads a number as the nearest double. One too large is a failure; one too small is 0.
  bool real(double& out, const JsonLocation& location);
  /// The same of a float, rounded once; one too small is a failure, too.
  bool real(float& out, const JsonLocation& location);
  /// Without escapes; valid for as long as the reader lives.
  bool text(std::string_view& out, const JsonLocation& location);
  /// The same as a copy.
  bool text(std::string& out, const JsonLocation& location);
  /// Reads a string that is one of `names`, and gives its value.
  bool enumeration(std::int64_t& out, std::span<const JsonEnumerator> names,
                   const JsonLocation& location);

  /// Reads an object: calls `take` for each member, in the order of the text. Duplicate names are
  /// for `take` to find.
  bool object(const JsonLocation& location, void* context, JsonTake take);
  /// The same of an array and its elements.
  bool array(const JsonLocation& location, void* context, JsonTake take);
  /// An array of exactly `size` elements.
  bool fixed_array(const JsonLocation& location, std::size_t size, void* context, JsonTake take);
  /// A described struct: members in any order, missing ones left as they are, unknown ones kept.
  bool members(const JsonLocation& location, std::span<const JsonMember> members, void* object);
  /// Any value, checked; as the text has it. Valid for as long as the reader lives.
  bool raw(std::string_view& out, const JsonLocation& location);
  /// The same as a copy, at the top level without the members of the stamp, if one is expected.
  bool spelled(std::string& out, const JsonLocation& location);
  /// A member that the program does not know: kept in the stamp if there is one, else dropped.
  bool unknown(const JsonLocation& at);

  /// Notes a failure and returns false.
  bool fail(const JsonLocation& location, std::string_view words);
  /// "expected an integer, found a string", about the value that the reader stands at.
  bool mismatch(const JsonLocation& location, std::string_view expected);
  /// Notes why `token` could not be read into an integer from `low` to `high`; or, when `low` is
  /// empty, into a floating-point number. Returns false.
  bool not_a_number(std::string_view token, const std::string& low, const std::string& high,
                    const JsonLocation& location);
  /// Notes a failure that makes the text no valid JSON, and returns false.
  bool malformed(const JsonLocation& location, std::string_view words);
  /// Notes a member that is there twice, and returns false.
  bool duplicate(const JsonLocation& at);

  /// Why a function returned false.
  [[nodiscard]] Error error() const;

  /// After reading, successful or not: what the stamp says about the text. An error is
  /// ErrorKind::corrupt (damaged), or the error that made the reading fail.
  [[nodiscard]] Result<bool> verify_stamp();
  /// The stamp that was read; if it is damaged, the parts of it that could be read.
  [[nodiscard]] Stamp& stamp();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
