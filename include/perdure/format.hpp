// SPDX-License-Identifier: BSL-1.0
// std::format for errors and their words, where the standard library has it; otherwise nothing.
#pragma once

#include <version>

#ifdef __cpp_lib_format

#include <format>
#include <string_view>

#include <perdure/error.hpp>

/// The message, with the options of text: `std::format("{:>80}", error)`.
template <>
struct std::formatter<perdure::Error> : std::formatter<std::string_view> {
  template <class Context>
  auto format(const perdure::Error& error, Context& context) const {
    return std::formatter<std::string_view>::format(error.message(), context);
  }
};

/// The word for it.
template <>
struct std::formatter<perdure::ErrorKind> : std::formatter<std::string_view> {
  template <class Context>
  auto format(perdure::ErrorKind kind, Context& context) const {
    return std::formatter<std::string_view>::format(perdure::to_string(kind), context);
  }
};
template <>
struct std::formatter<perdure::Fate> : std::formatter<std::string_view> {
  template <class Context>
  auto format(perdure::Fate fate, Context& context) const {
    return std::formatter<std::string_view>::format(perdure::to_string(fate), context);
  }
};

#endif
