// SPDX-License-Identifier: BSL-1.0
// The cursor over simdjson. Its "on demand" interface checks only what it is asked for, so that
// everything here asks: a value that nobody wants goes through `raw`, never through a skip.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include <perdure/json/reader.hpp>

#include "formats/json/number.hpp"
#include "formats/json/stamp_fields.hpp"

namespace perdure {
namespace {

namespace od = simdjson::ondemand;

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

/// The end of the string that begins at `at`: its quote, or the first backslash before it. Eight
/// bytes at a time; the parser has made sure that there is a quote, and its padding is readable.
const char* string_end(const char* at) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t high = 0x8080808080808080U;
  for (;; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t slash = word ^ (ones * '\\');
    // A byte that is zero here may mark those above it too, never those below: scan for the first.
    if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high) break;
  }
  while (*at != '"' && *at != '\\') ++at;
  return at;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last + 1);
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

struct JsonReader::Impl {
  explicit Impl(const JsonLimits& wanted) : limits(wanted) {}

  bool load(Bytes bytes);
  bool malformed(simdjson::error_code code);
  bool refuse(ErrorKind why, std::string what);
  bool enter(const JsonPlace& place);
  [[nodiscard]] Error reason() const;
  std::string_view token() { return trimmed(value.raw_json_token()); }
  [[nodiscard]] std::string_view text() const { return {storage.get() + 1, size}; }

  JsonLimits limits;
  std::unique_ptr<char[]> storage;  ///< '[', the text, ']', padding.
  std::size_t size = 0;             ///< Of the text.
  od::parser parser;
  od::document document;
  od::array whole;
  od::array_iterator element;
  [[nodiscard]] bool at_element() { return element != od::array_iterator(); }
  od::value value;  ///< Where the reader stands.
  unsigned depth = 0;
  bool stamped = false;
  StampFields fields;

  bool failed = false;
  ErrorKind kind = ErrorKind::serializer;  ///< `corrupt` for what is no JSON at all.
  std::string words;
};

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
  // At the end of the text stands a bracket of our own: whoever stumbles over it misses something.
  if (at == end) return refuse(ErrorKind::corrupt, "not valid JSON: the end is missing");
  return refuse(
      ErrorKind::corrupt,
      "not valid JSON at " + position(text(), static_cast<std::size_t>(at - text().data())));
}

bool JsonReader::Impl::enter(const JsonPlace& place) {
  if (++depth <= limits.depth_max) return true;
  return refuse(ErrorKind::serializer, place.text() + ": nested deeper than depth_max = " +
                                           std::to_string(limits.depth_max));
}

bool JsonReader::Impl::load(Bytes bytes) {
  // Brackets around it make the one value an element of an array, so that a number or a string at
  // the top level needs no code of its own.
  constexpr std::size_t room = simdjson::SIMDJSON_PADDING + 2;
  if (bytes.size() > limits.size_max || bytes.size() > simdjson::SIMDJSON_MAXSIZE_BYTES - room) {
    return refuse(ErrorKind::serializer,
                  "it has " + std::to_string(bytes.size()) +
                      " bytes, more than size_max = " + std::to_string(limits.size_max));
  }
  if (bytes.empty()) return refuse(ErrorKind::corrupt, "it is empty");
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
  if (const auto error = document.get_array().get(whole)) return malformed(error);
  return true;
}

bool JsonReader::open(Bytes bytes) {
  Impl& impl = *impl_;
  if (!impl.load(bytes)) return false;
  if (const auto error = impl.whole.begin().get(impl.element)) return impl.malformed(error);
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

bool JsonReader::fail(const JsonPlace& place, std::string_view words) {
  return impl_->refuse(ErrorKind::serializer, place.text() + ": " + std::string(words));
}

bool JsonReader::mismatch(const JsonPlace& place, std::string_view expected) {
  const JsonKind found = kind();
  // What begins like a value and is none, is no mismatch but a broken text.
  if (std::string_view ignored; found == JsonKind::malformed) {
    return impl_->malformed(simdjson::TAPE_ERROR);
  } else if (found != JsonKind::array && found != JsonKind::object && !raw(ignored, place)) {
    return false;
  }
  return fail(place,
              "expected " + std::string(expected) + ", found " + std::string(word_for(found)));
}

bool JsonReader::malformed(const JsonPlace& place, std::string_view words) {
  return impl_->refuse(ErrorKind::corrupt, place.text() + ": " + std::string(words));
}

bool JsonReader::duplicate(const JsonPlace& at) {
  return malformed(at, "this member is there twice");
}

bool JsonReader::null(const JsonPlace& place) {
  bool is_null = false;
  if (impl_->value.is_null().get(is_null) || !is_null) return mismatch(place, "null");
  return true;
}

bool JsonReader::boolean(bool& out, const JsonPlace& place) {
  return impl_->value.get_bool().get(out) == simdjson::SUCCESS || mismatch(place, "a boolean");
}

bool JsonReader::integer(std::int64_t& out, std::int64_t low, std::int64_t high,
                         const JsonPlace& place) {
  if (kind() != JsonKind::number) return mismatch(place, "an integer");
  const std::string_view token = impl_->value.raw_json_token();
  if (impl_->value.get_int64().get(out) == simdjson::SUCCESS && out >= low && out <= high) {
    return true;
  }
  return number_trouble(*this, trimmed(token), std::to_string(low), std::to_string(high), place);
}

bool JsonReader::natural(std::uint64_t& out, std::uint64_t high, const JsonPlace& place) {
  if (kind() != JsonKind::number) return mismatch(place, "an integer");
  const std::string_view token = impl_->value.raw_json_token();
  if (impl_->value.get_uint64().get(out) == simdjson::SUCCESS && out <= high) return true;
  return number_trouble(*this, trimmed(token), "0", std::to_string(high), place);
}

// Not by the parser's own get_double: simdjson 3.0.1 takes "0.", a few zeros and more than 19
// digits for a number that fits into 64 bits, and is wrong by orders of magnitude (parse_double).
bool JsonReader::real(double& out, const JsonPlace& place) {
  if (kind() != JsonKind::number) return mismatch(place, "a number");
  std::string_view token;
  if (!raw(token, place)) return false;
  if (parse_whole(token, out)) return true;
  // A number that is too small is a zero; std::from_chars does not tell it from one too large.
  if (impl_->value.get_double().get(out) == simdjson::SUCCESS) return true;
  return number_trouble(*this, token, {}, {}, place);
}

bool JsonReader::real(float& out, const JsonPlace& place) {
  if (kind() != JsonKind::number) return mismatch(place, "a number");
  // By way of a double it would be rounded twice.
  std::string_view token;
  if (!raw(token, place)) return false;
  if (parse_whole(token, out)) return true;
  return number_trouble(*this, token, {}, {}, place);
}

bool JsonReader::text(std::string_view& out, const JsonPlace& place) {
  Impl& impl = *impl_;
  const char* const begin = impl.value.raw_json_token().data();
  if (*begin != '"') return mismatch(place, "a string");
  const char* const end = string_end(begin + 1);
  if (*end == '"') {
    out = {begin + 1, static_cast<std::size_t>(end - begin - 1)};
    od::raw_json_string ignored;
    const auto error = impl.value.get_raw_json_string().get(ignored);
    return error == simdjson::SUCCESS || impl.malformed(error);
  }
  const auto error = impl.value.get_string().get(out);
  if (error == simdjson::SUCCESS) return true;
  return malformed(place, "an escape in this string is not valid");
}

bool JsonReader::text(std::string& out, const JsonPlace& place) {
  std::string_view view;
  if (!text(view, place)) return false;
  out.assign(view);
  return true;
}

bool JsonReader::object(const JsonPlace& place, void* context, JsonTake take) {
  Impl& impl = *impl_;
  if (kind() != JsonKind::object) return mismatch(place, "an object");
  od::object members;
  if (const auto error = impl.value.get_object().get(members)) return impl.malformed(error);
  if (!impl.enter(place)) return false;
  const bool outermost = impl.stamped && place.up == nullptr;
  for (auto member : members) {
    od::field field;
    if (const auto error = std::move(member).get(field)) return impl.malformed(error);
    JsonPlace at = place.member({});
    const char* const begin = field.key().raw();
    const char* const end = string_end(begin);
    if (*end == '"') {
      at.key = {begin, static_cast<std::size_t>(end - begin)};
    } else if (field.unescaped_key().get(at.key)) {
      return malformed(place, "an escape in a member's name is not valid");
    }
    impl.value = field.value();
    if (outermost && StampFields::owns(at.key)) {
      std::string_view text;
      if (!raw(text, at)) return false;
      if (!impl.fields.take(at.key, text)) return duplicate(at);
    } else if (!take(*this, context, at)) {
      return false;
    }
  }
  --impl.depth;
  return true;
}

bool JsonReader::array(const JsonPlace& place, void* context, JsonTake take) {
  Impl& impl = *impl_;
  if (kind() != JsonKind::array) return mismatch(place, "an array");
  od::array elements;
  if (const auto error = impl.value.get_array().get(elements)) return impl.malformed(error);
  if (!impl.enter(place)) return false;
  JsonPlace at = place.at(0);
  for (auto element : elements) {
    // get() takes an rvalue only. NOLINTNEXTLINE(performance-move-const-arg)
    if (const auto error = std::move(element).get(impl.value)) return impl.malformed(error);
    if (!take(*this, context, at)) return false;
    ++at.index;
  }
  --impl.depth;
  return true;
}

bool JsonReader::raw(std::string_view& out, const JsonPlace& place) {
  Impl& impl = *impl_;
  const JsonKind found = kind();
  const std::string_view token = impl.token();
  out = token;
  std::string_view text;
  bool flag = false;
  std::vector<std::string_view> names;
  switch (found) {
    case JsonKind::malformed:
      return impl.malformed(simdjson::TAPE_ERROR);
    case JsonKind::null:
      return (impl.value.is_null().get(flag) == simdjson::SUCCESS && flag) ||
             impl.malformed(simdjson::N_ATOM_ERROR);
    case JsonKind::boolean:
      return impl.value.get_bool().get(flag) == simdjson::SUCCESS ||
             impl.malformed(simdjson::T_ATOM_ERROR);
    // Not read by the parser, which refuses what does not fit into its types. The iteration steps
    // over it.
    case JsonKind::number:
      return is_number(token) || malformed(place, json_excerpt(token) + " is no number");
    case JsonKind::string:
      return this->text(text, place);
    case JsonKind::array:
      if (!array(place, nullptr, [](JsonReader& reader, void*, const JsonPlace& at) {
            std::string_view ignored;
            return reader.raw(ignored, at);
          })) {
        return false;
      }
      break;
    case JsonKind::object:
      if (!object(place, &names, [](JsonReader& reader, void* context, const JsonPlace& at) {
            static_cast<std::vector<std::string_view>*>(context)->push_back(at.key);
            std::string_view ignored;
            return reader.raw(ignored, at);
          })) {
        return false;
      }
      if (!all_different(names, text)) return duplicate(place.member(text));
      break;
  }
  const char* end = nullptr;
  if (const auto error = impl.document.current_location().get(end)) return impl.malformed(error);
  out = trimmed({token.data(), static_cast<std::size_t>(end - token.data())});
  return true;
}

bool JsonReader::unknown(const JsonPlace& at) {
  std::string_view value;
  if (!raw(value, at)) return false;
  if (impl_->stamped) impl_->fields.keep(at, value);
  return true;
}

Error JsonReader::Impl::reason() const {
  return {.kind = kind, .cause = {}, .step = "read the JSON text", .path = {}, .detail = words};
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
  // It did not fit. Whether that is damage or a true state of another program, only the checksum
  // can say, and that takes a reading of the whole, whatever it holds.
  JsonReader again(impl.limits);
  again.expect_stamp();
  std::string_view ignored;
  if (again.open(as_bytes(impl.text())) && again.raw(ignored, JsonPlace{}) && again.close()) {
    const Result<bool> verdict = again.verify_stamp();
    if (!verdict) return verdict.error();
  } else if (again.impl_->kind == ErrorKind::corrupt) {
    return again.impl_->reason();
  }
  impl.fields.stamp() = std::move(again.stamp());
  return impl.reason();
}

}  // namespace perdure
