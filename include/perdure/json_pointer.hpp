// SPDX-License-Identifier: BSL-1.0
// Values at JSON Pointers.
#pragma once

#include <string_view>

#include <boost/json/fwd.hpp>

#include <perdure/error.hpp>

namespace perdure {

/// In words what is wrong with a JSON Pointer (RFC 6901); empty if it is one. For a program that
/// checks its command line before it reads anything.
[[nodiscard]] std::string_view fault_of_json_pointer(std::string_view text) noexcept;

/// The value at a JSON Pointer (RFC 6901): "" is all of `document`, "/list/0/name" a name in it.
/// A view into `document`. ErrorKind::invalid_argument when nothing is there, or for a pointer that
/// is none.
Result<const boost::json::value*> get_at(const boost::json::value& document,
                                         std::string_view pointer);

/// Puts `value` at a JSON Pointer, in the place of what is there. Missing members on the way are
/// made, as objects; in an array the index may be one past the end, or "-", to append.
/// ErrorKind::invalid_argument when a number or a string is on the way; `document` is unchanged
/// then.
Result<void> set_at(boost::json::value& document, std::string_view pointer,
                    const boost::json::value& value);

}  // namespace perdure
