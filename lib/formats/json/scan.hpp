// SPDX-License-Identifier: BSL-1.0
// Positions in a JSON text that was checked: nothing here looks for faults.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/serializer.hpp>

namespace perdure::json_detail {

/// A member of an object, or an element of an array. All are views into the text.
struct TextItem {
  std::string_view before;   ///< From the item before it, or the bracket: the comma, white space.
  std::string_view key;      ///< Between the quotes, escapes and all; empty in an array.
  std::string_view between;  ///< From the key's quote to the value: the colon, white space.
  std::string_view value;
};

/// Goes through the items of one object or array, given from its first bracket on.
class TextItems {
 public:
  explicit TextItems(std::string_view container);

  /// The next item; false behind the last one.
  bool next(TextItem& out);
  /// Behind the items so far: white space and the bracket, once `next` was false.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  bool object_;
  std::string_view rest_;
};

/// The length of the value at the front of `text`.
[[nodiscard]] std::size_t value_size(std::string_view text) noexcept;

/// A name or a string without its escapes; `spelled` is between the quotes.
[[nodiscard]] std::string unescaped(std::string_view spelled);

/// How many objects and arrays stand within each other.
[[nodiscard]] unsigned depth_of(std::string_view text) noexcept;

/// An object without the members of the stamp; the others keep their bytes.
[[nodiscard]] std::string without_stamp(std::string_view object);

/// The white space of a text: how it is indented, if at all.
struct TextLayout {
  std::string unit;     ///< One level of indentation.
  bool lines = false;   ///< A line for each member.
  bool spaced = false;  ///< On one line: a space behind each comma and colon.
};

/// The layout that `document` shows, or, if it shows none, that of `indent` spaces.
[[nodiscard]] TextLayout layout_of(std::string_view document, unsigned indent);

/// `value` in another layout, its other bytes as they are. `base` is the indentation of the line
/// that it begins on.
[[nodiscard]] std::string laid_out(std::string_view value, const TextLayout& layout,
                                   std::string_view base);
/// The same without a base, in blocks: the indentation of deep levels can make the new text many
/// times as long as the old one.
Result<void> lay_out(std::string_view value, const TextLayout& layout, Sink& sink);

}  // namespace perdure::json_detail
