// SPDX-License-Identifier: BSL-1.0
// Values at JSON Pointers.
#pragma once

#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/json/text.hpp>

namespace perdure {

/// The fault of a JSON Pointer (RFC 6901) in words; empty if it has none. For a program that checks
/// its command line before it reads anything.
[[nodiscard]] PERDURE_STATE_API std::string_view fault_of_json_pointer(
    std::string_view text) noexcept;

/// The value at a JSON Pointer (RFC 6901), as `document` spells it: "" is all of `document`,
/// "/list/0/name" a name in it. ErrorKind::invalid_argument when nothing is there, or when
/// `pointer` is not a JSON Pointer.
PERDURE_STATE_API Result<JsonText> get_at(const JsonText& document, std::string_view pointer);

/// Puts `value` at a JSON Pointer, in the place of the value there. Missing members on the way are
/// made, as objects; in an array the index may be one past the end, or "-", to append.
///
/// Every other member and element keeps its bytes and its place. `value` keeps its spelling and
/// gets the white space of what surrounds it. A `document` that does not show how it is indented
/// (`{}`) takes `indent` spaces for each level; 0: all on one line.
///
/// ErrorKind::invalid_argument when a number or a string is on the way. Also when the result would
/// break a limit, so that no reader with these limits would take it. `document` is unchanged then.
PERDURE_STATE_API Result<void> set_at(JsonText& document, std::string_view pointer,
                                      const JsonText& value, unsigned indent = 2,
                                      const JsonLimits& limits = {});

/// Takes the member or element at a JSON Pointer out of its object or array; elements behind it
/// move up. All others keep their bytes. ErrorKind::invalid_argument when nothing is there, and for
/// "", which is all of `document`; `document` is unchanged then.
PERDURE_STATE_API Result<void> remove_at(JsonText& document, std::string_view pointer);

}  // namespace perdure
