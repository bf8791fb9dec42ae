// SPDX-License-Identifier: BSL-1.0
// The cursor over simdjson. Its "on demand" interface checks only values that it is asked for. So
// all code here asks: an unwanted value goes through `raw`, and is never skipped.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <simdjson.h>

#include <perdure/json/reader.hpp>

#include "base/internal.hpp"
#include "formats/json/stamp_fields.hpp"

namespace perdure {

/// The end of the string that begins at `at`: its quote, or the first backslash before it. Eight
/// bytes at a time; the parser has made sure that there is a quote, and its padding is readable.
[[nodiscard]] const char* string_end(const char* at);

/// Without the white space at its end.
[[nodiscard]] std::string_view trimmed(std::string_view text);

struct PERDURE_LOCAL JsonReader::Impl {
  explicit Impl(const JsonLimits& wanted) : limits(wanted) {}

  bool load(Bytes bytes);
  bool malformed(simdjson::error_code code);
  bool refuse(ErrorKind why, std::string what);
  bool enter(const JsonLocation& location);
  [[nodiscard]] Error reason() const;
  std::string_view token() { return trimmed(value.raw_json_token()); }
  [[nodiscard]] std::string_view text() const { return {storage.get() + 1, size}; }

  JsonLimits limits;
  std::unique_ptr<char[]> storage;  ///< '[', the text, ']', padding.
  std::size_t size = 0;             ///< Of the text.
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::array array;
  simdjson::ondemand::array_iterator element;
  [[nodiscard]] bool at_element() { return element != simdjson::ondemand::array_iterator(); }
  simdjson::ondemand::value value;  ///< Where the reader stands.
  unsigned depth = 0;
  bool stamped = false;
  StampFields fields;

  bool failed = false;
  ErrorKind kind = ErrorKind::serializer;  ///< `corrupt` for bytes that are not JSON at all.
  std::string words;
};

}  // namespace perdure
