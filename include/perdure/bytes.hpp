// SPDX-License-Identifier: BSL-1.0
// Bytes, and views of them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <perdure/detail/language.hpp>

namespace perdure {

/// A view of bytes that somebody else owns and keeps alive for the length of the call.
using Bytes = std::span<const std::byte>;

/// Bytes that are owned.
using Buffer = std::vector<std::byte>;

/// The bytes of a text, without a terminating zero. A view: `text` must outlive it.
inline Bytes as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

/// The same bytes, seen as text. Nothing is checked: they need not be valid UTF-8.
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace perdure
