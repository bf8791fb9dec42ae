// SPDX-License-Identifier: BSL-1.0
// Loading a text, the reader's failures, and the stamp.
#include "formats/json/reader.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/json/reader.hpp>

#include "base/make_error.hpp"

namespace perdure {

namespace od = simdjson::ondemand;

namespace {

/// Line and column, from 1, of `offset` in `text`; the column counts bytes.
std::string position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column =
      newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// The first line that is not valid UTF-8, from 1. A newline is never part of a longer sequence.
std::size_t invalid_line(std::string_view text) {
  std::size_t line = 1;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!simdjson::validate_utf8(text.substr(0, end))) break;
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
    ++line;
  }
  return line;
}

/// The encoding that a byte order mark names; empty where there is none.
std::string_view encoding_by_mark(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) return "UTF-8";
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return "UTF-16";
  return {};
}

std::string_view word_for(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "a string";
    case JsonKind::array:
      return "an array";
    case JsonKind::object:
      return "an object";
    case JsonKind::malformed:
      break;
  }
  return "no value";
}

}  // namespace

JsonReader::JsonReader(const JsonLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
JsonReader::~JsonReader() = default;

bool JsonReader::Impl::refuse(ErrorKind why, std::string what) {
  if (!failed) {
    failed = true;
    kind = why;
    words = std::move(what);
  }
  return false;
}

bool JsonReader::Impl::malformed(simdjson::error_code code) {
  if (failed) return false;
  switch (code) {
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
      return refuse(ErrorKind::serializer, "not enough memory to parse it");
    case simdjson::UTF8_ERROR:
      return refuse(ErrorKind::corrupt,
                    "line " + std::to_string(invalid_line(text())) + " is not valid UTF-8");
    case simdjson::UNCLOSED_STRING:
      return refuse(ErrorKind::corrupt, "not valid JSON: a string is not closed");
    case simdjson::UNESCAPED_CHARS:
      return refuse(ErrorKind::corrupt,
                    "not valid JSON: a control character stands in a string without an escape");
    default:
      break;
  }
  const char* at = nullptr;
  const char* const end = text().data() + size;
  if (document.current_location().get(at) != simdjson::SUCCESS || at >= end) at = end;
  at = std::max(at, text().data());
  // We put a bracket at the end of the text: a fault there means that the end is missing.
  if (at == end) return refuse(ErrorKind::corrupt, "not valid JSON: the end is missing");
  return refuse(
      ErrorKind::corrupt,
      "not valid JSON at " + position(text(), static_cast<std::size_t>(at - text().data())));
}

bool JsonReader::Impl::enter(const JsonLocation& location) {
  if (++depth <= limits.depth_max) return true;
  return refuse(ErrorKind::serializer, location.text() + ": nested deeper than depth_max = " +
                                           std::to_string(limits.depth_max));
}

bool JsonReader::Impl::load(Bytes bytes) {
  // Brackets around the one value make it an element of an array. So a number or a string at the
  // top level needs no code of its own.
  constexpr std::size_t room = simdjson::SIMDJSON_PADDING + 2;
  if (bytes.size() > limits.size_max || bytes.size() > simdjson::SIMDJSON_MAXSIZE_BYTES - room) {
    return refuse(ErrorKind::serializer,
                  "it has " + std::to_string(bytes.size()) +
                      " bytes, more than size_max = " + std::to_string(limits.size_max));
  }
  if (bytes.empty()) return refuse(ErrorKind::corrupt, "it is empty");
  // A byte order mark is not damage: an editor may have added it, so the file stays where it is.
  const std::string_view encoding = encoding_by_mark(as_text(bytes));
  if (!encoding.empty()) {
    return refuse(ErrorKind::serializer, "it begins with a byte order mark (" +
                                             std::string(encoding) +
                                             "); save it as UTF-8 without one");
  }
  storage = std::make_unique_for_overwrite<char[]>(bytes.size() + room);
  size = bytes.size();
  storage[0] = '[';
  std::memcpy(storage.get() + 1, bytes.data(), bytes.size());
  storage[size + 1] = ']';
  std::memset(storage.get() + size + 2, 0, simdjson::SIMDJSON_PADDING);
  constexpr std::size_t spare = 16;
  if (const auto error = parser.allocate(size + 2, std::size_t{limits.depth_max} + spare)) {
    return malformed(error);
  }
  const simdjson::padded_string_view view(storage.get(), size + 2, size + room);
  if (const auto error = parser.iterate(view).get(document)) return malformed(error);
  if (const auto error = document.get_array().get(array)) return malformed(error);
  return true;
}

bool JsonReader::open(Bytes bytes) {
  Impl& impl = *impl_;
  if (!impl.load(bytes)) return false;
  if (const auto error = impl.array.begin().get(impl.element)) return impl.malformed(error);
  if (!impl.at_element()) return impl.refuse(ErrorKind::corrupt, "it is empty");
  if (const auto error = (*impl.element).get(impl.value)) return impl.malformed(error);
  return true;
}

bool JsonReader::close() {
  Impl& impl = *impl_;
  ++impl.element;
  if (impl.at_element()) {
    if (const auto error = (*impl.element).get(impl.value)) return impl.malformed(error);
    return impl.malformed(simdjson::TRAILING_CONTENT);
  }
  const char* rest = nullptr;
  if (impl.document.current_location().get(rest) == simdjson::SUCCESS) {
    const std::string_view text = impl.text();
    if (rest != text.data() + text.size()) return impl.malformed(simdjson::TRAILING_CONTENT);
    // A bracket of the text has closed ours.
    return impl.refuse(ErrorKind::corrupt,
                       "not valid JSON at " + position(text, text.find_last_of(']')));
  }
  return true;
}

void JsonReader::expect_stamp() {
  impl_->stamped = true;
}
Stamp& JsonReader::stamp() {
  return impl_->fields.stamp();
}

JsonKind JsonReader::kind() const {
  od::json_type type{};
  if (impl_->value.type().get(type)) return JsonKind::malformed;
  switch (type) {
    case od::json_type::null:
      return JsonKind::null;
    case od::json_type::boolean:
      return JsonKind::boolean;
    case od::json_type::number:
      return JsonKind::number;
    case od::json_type::string:
      return JsonKind::string;
    case od::json_type::array:
      return JsonKind::array;
    case od::json_type::object:
      return JsonKind::object;
  }
  return JsonKind::malformed;
}

bool JsonReader::fail(const JsonLocation& location, std::string_view words) {
  return impl_->refuse(ErrorKind::serializer, location.text() + ": " + std::string(words));
}

bool JsonReader::mismatch(const JsonLocation& location, std::string_view expected) {
  const JsonKind found = kind();
  // A token that only begins like a value is not a mismatch: the text is broken.
  if (std::string_view ignored; found == JsonKind::malformed) {
    return impl_->malformed(simdjson::TAPE_ERROR);
  } else if (found != JsonKind::array && found != JsonKind::object && !raw(ignored, location)) {
    return false;
  }
  return fail(location,
              "expected " + std::string(expected) + ", found " + std::string(word_for(found)));
}

bool JsonReader::malformed(const JsonLocation& location, std::string_view words) {
  return impl_->refuse(ErrorKind::corrupt, location.text() + ": " + std::string(words));
}

bool JsonReader::duplicate(const JsonLocation& at) {
  return malformed(at, "this member is there twice");
}

Error JsonReader::Impl::reason() const {
  return reading(make_error("read the JSON text", {}, kind, words));
}

Error JsonReader::error() const {
  Error out = impl_->reason();
  out.kind = ErrorKind::serializer;
  return out;
}

Result<bool> JsonReader::verify_stamp() {
  Impl& impl = *impl_;
  if (!impl.failed) return impl.fields.verify(impl.text());
  if (impl.kind == ErrorKind::corrupt || impl.storage == nullptr) return impl.reason();
  // The text did not fit the type. Only the checksum can tell damage from an intact state of
  // another program. So the whole text is read, whatever its type.
  impl.parser = od::parser();  // frees most of the reader's memory; nobody reads on
  JsonReader again(impl.limits);
  again.expect_stamp();
  std::string_view ignored;
  if (again.open(as_bytes(impl.text())) && again.raw(ignored, JsonLocation{}) && again.close()) {
    const Result<bool> verdict = again.verify_stamp();
    if (!verdict) return verdict.error();
  } else if (again.impl_->kind == ErrorKind::corrupt) {
    return again.impl_->reason();
  }
  impl.fields.stamp() = std::move(again.stamp());
  return impl.reason();
}

}  // namespace perdure
