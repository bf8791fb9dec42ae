// SPDX-License-Identifier: BSL-1.0
// The position of a value in a text, for errors.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <perdure/detail/export.hpp>

namespace perdure {

/// The place of a value in a JSON text: a chain from it up to the top level. It lives on the stack
/// of the functions that read and write. So an error can name the member, and success costs
/// nothing.
struct PERDURE_STATE_API JsonLocation {
  const JsonLocation* up = nullptr;  ///< The container of the value; null for the top level.
  std::string_view key;              ///< Its name, if `up` is an object.
  std::size_t index = 0;             ///< Its number, if `up` is an array.
  bool element = false;              ///< True if `up` is an array.

  /// A member of the object that stands here. This and the text of `name` must outlive it.
  [[nodiscard]] JsonLocation member(std::string_view name) const noexcept {
    return {.up = this, .key = name, .index = 0, .element = false};
  }
  /// An element of the array that stands here, counted from 0. This must outlive it.
  [[nodiscard]] JsonLocation at(std::size_t number) const noexcept {
    return {.up = this, .key = {}, .index = number, .element = true};
  }

  /// For words: `active.a.attempts`, `list[3].name`, `active["a b"]`, `top level`.
  [[nodiscard]] std::string text() const;

  /// As a JSON Pointer (RFC 6901) into `pointer`. False when an array is on the way.
  [[nodiscard]] bool pointer_to(std::string& pointer) const;
};

/// Text of a file, fit for an error: in quotes, and shortened. Control characters become `?`, so
/// that a hostile file can't write to a terminal.
[[nodiscard]] PERDURE_STATE_API std::string json_excerpt(std::string_view text);

}  // namespace perdure
