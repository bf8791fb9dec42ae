// SPDX-License-Identifier: BSL-1.0
// A JSON value as its text spells it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/json/location.hpp>
#include <perdure/json/members.hpp>
#include <perdure/serializer.hpp>

namespace perdure {

/// A JSON value as its text spells it: every digit, escape, space and name stays as it is, in its
/// order. For values whose numbers no C++ type holds (`3.14159265358979323846`, `-0`, integers
/// beyond 64 bits), and for states that belong to other programs. Always valid JSON without a name
/// twice in an object. As a whole state (`StateTracker<JsonText>`) it has to be an object, and does
/// not have the members of the stamp. `get_at`, `set_at` and `remove_at` of json_pointer.hpp
/// look into it.
///
/// A plain value; threads as for a std::string.
class PERDURE_STATE_API JsonText {
 public:
  JsonText() = default;  ///< `null`.

  /// Checks a text, and takes it without the white space around it. ErrorKind::serializer with the
  /// reason for a text that is not JSON, or is beyond `limits`.
  static Result<JsonText> parse(std::string_view text, const JsonLimits& limits = {});

  /// The spelling. Valid until this value is changed.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// Whether it is `{...}`.
  [[nodiscard]] bool is_object() const noexcept { return text_.front() == '{'; }
  /// The same value with other white space: `indent` spaces for each level, or 0 for one line.
  [[nodiscard]] std::string laid_out(unsigned indent) const;
  /// The same in blocks of about 64 KiB. Many short values on a deep level become mostly white
  /// space: the text can be hundreds of times as long as this one. An error of the sink ends it.
  Result<void> lay_out(unsigned indent, Sink& sink) const;

  /// The same spelling, which is more than the same value.
  friend bool operator==(const JsonText&, const JsonText&) = default;

 private:
  explicit JsonText(std::string checked) : text_(std::move(checked)) {}
  friend bool read_json(JsonReader& reader, JsonText& out, const JsonLocation& location);
  friend Result<JsonText> get_at(const JsonText& document, std::string_view pointer);
  friend Result<void> set_at(JsonText& document, std::string_view pointer, const JsonText& value,
                             unsigned indent, const JsonLimits& limits);
  friend Result<void> remove_at(JsonText& document, std::string_view pointer);

  std::string text_ = "null";
};

/// Any value, as its text has it.
PERDURE_STATE_API bool read_json(JsonReader& reader, JsonText& out, const JsonLocation& location);
/// Writes the text as it is.
PERDURE_STATE_API bool write_json(JsonWriter& writer, const JsonText& value,
                                  const JsonLocation& location);

}  // namespace perdure
