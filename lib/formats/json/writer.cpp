// SPDX-License-Identifier: BSL-1.0
// Writes JSON: members, numbers, strings, the stamp.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include <perdure/json/moment.hpp>
#include <perdure/json/writer.hpp>

#include "base/checksum.hpp"
#include "base/internal.hpp"
#include "base/make_error.hpp"
#include "formats/json/scan.hpp"
#include "formats/json/stamp_fields.hpp"

namespace perdure {
namespace {

constexpr std::size_t block_size = std::size_t{64} << 10U;
/// More than any number, escape or key separator takes.
constexpr std::size_t token_max = 64;

/// True when none of the eight bytes needs an escape or a look: printable ASCII but `"` and `\`.
/// May say false for eight that are fine, never true for some that are not.
bool is_plain(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t high = 0x8080808080808080U;
  return ((word | (word - ones * 0x20) | ((word ^ (ones * '"')) - ones) |
           ((word ^ (ones * '\\')) - ones)) &
          high) == 0;
}

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// The spelling of `c` in a string; `room` has space for it.
std::string_view escape(char c, std::array<char, 6>& room) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  room = {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 15U]};
  return {room.data(), room.size()};
}

}  // namespace

struct PERDURE_LOCAL JsonWriter::Impl {
  Impl(Sink& to, unsigned spaces, const JsonLimits& limit, const Stamp* beside)
      : sink(to), indent(spaces), limits(limit), stamp(beside) {
    if (stamp != nullptr) sum.emplace();
  }

  /// Makes room for `bytes` more, `token_max` at most.
  bool reserve(std::size_t bytes) { return block_size - used >= bytes || flush(); }
  bool flush();
  void put(char c) { block[used++] = c; }
  void put(std::string_view text) {
    std::memcpy(block.get() + used, text.data(), text.size());
    used += text.size();
  }
  template <class Number>
  bool number(Number value) {
    if (!reserve(token_max)) return false;
    char* const at = block.get() + used;
    used += static_cast<std::size_t>(std::to_chars(at, at + token_max, value).ptr - at);
    return true;
  }
  /// A text of any length.
  bool append(std::string_view text);
  bool new_line();
  bool separate();
  bool quoted(std::string_view text, bool& valid);
  bool enter(const JsonLocation& location);
  bool check_depth(unsigned levels, const JsonLocation& location);
  bool write_field(std::string_view name, std::string_view value);
  bool write_stamp(const JsonLocation& top);
  bool write_checksum();
  bool note(ErrorKind kind, std::string words);

  Sink& sink;
  unsigned indent;
  JsonLimits limits;
  const Stamp* stamp;
  std::optional<Checksum> sum;  ///< Of all that was flushed.
  std::unique_ptr<char[]> block = std::make_unique_for_overwrite<char[]>(block_size);
  std::size_t used = 0;
  std::size_t flushed = 0;
  unsigned depth = 0;
  bool first = false;  ///< The next member or element needs no comma.
  bool ended = false;  ///< The checksum ended the text.
  std::optional<Error> error;
};

JsonWriter::JsonWriter(Sink& sink, unsigned indent, const JsonLimits& limits, const Stamp* stamp)
    : impl_(std::make_unique<Impl>(sink, indent, limits, stamp)) {}
JsonWriter::~JsonWriter() = default;

bool JsonWriter::Impl::note(ErrorKind kind, std::string words) {
  if (!error) {
    error = make_error("write the JSON text", {}, kind, std::move(words));
  }
  return false;
}

bool JsonWriter::Impl::flush() {
  if (error) return false;
  if (used > limits.size_max - flushed) {
    return note(ErrorKind::serializer, "the JSON text is larger than size_max = " +
                                           std::to_string(limits.size_max) + " bytes");
  }
  const Bytes bytes = as_bytes({block.get(), used});
  if (sum) sum->update(bytes);
  flushed += used;
  used = 0;
  const Result<void> done = sink.write(bytes);
  if (!done) error = done.error();
  return !error;
}

bool JsonWriter::Impl::append(std::string_view text) {
  while (!text.empty()) {
    if (used == block_size && !flush()) return false;
    const std::string_view piece = text.substr(0, block_size - used);
    put(piece);
    text.remove_prefix(piece.size());
  }
  return true;
}

bool JsonWriter::Impl::new_line() {
  if (indent == 0) return true;
  if (!reserve(1)) return false;
  put('\n');
  std::size_t spaces = std::size_t{indent} * depth;
  for (constexpr std::string_view blank = "                                "; spaces != 0;) {
    const std::size_t some = std::min(spaces, blank.size());
    if (!reserve(some)) return false;
    put(blank.substr(0, some));
    spaces -= some;
  }
  return true;
}

bool JsonWriter::Impl::separate() {
  if (!reserve(1)) return false;
  if (!first) put(',');
  first = false;
  return new_line();
}

bool JsonWriter::Impl::check_depth(unsigned levels, const JsonLocation& location) {
  if (levels <= limits.depth_max) return true;
  return note(ErrorKind::serializer, location.text() + ": nested deeper than depth_max = " +
                                         std::to_string(limits.depth_max));
}

bool JsonWriter::Impl::enter(const JsonLocation& location) {
  return check_depth(++depth, location) && (first = true);
}

bool JsonWriter::Impl::quoted(std::string_view text, bool& valid) {
  if (!reserve(1)) return false;
  put('"');
  bool checked = false;
  std::array<char, 6> room{};
  while (!text.empty()) {
    std::uint64_t word = 0;
    if (text.size() >= sizeof(word)) {
      std::memcpy(&word, text.data(), sizeof(word));
      if (is_plain(word)) {
        if (!reserve(sizeof(word))) return false;
        put(text.substr(0, sizeof(word)));
        text.remove_prefix(sizeof(word));
        continue;
      }
    }
    const std::size_t some = std::min(text.size(), sizeof(word));
    if (!reserve(some * room.size())) return false;
    for (const char c : text.substr(0, some)) {
      if (static_cast<unsigned char>(c) >= 0x80 && !checked) {
        // The text before this point is ASCII, so only the rest has to be checked.
        valid = checked = simdjson::validate_utf8(text.data(), text.size());
        if (!valid) return false;
      }
      if (needs_escape(c)) {
        put(escape(c, room));
      } else {
        put(c);
      }
    }
    text.remove_prefix(some);
  }
  if (!reserve(1)) return false;
  put('"');
  return true;
}

bool JsonWriter::fail(const JsonLocation& location, std::string_view words) {
  return impl_->note(ErrorKind::serializer, location.text() + ": " + std::string(words));
}

bool JsonWriter::refuse_name(std::string_view name, const JsonLocation& object) {
  return fail(object.member(name), "this name is taken by the stamp of the file");
}

Result<void> JsonWriter::result() const {
  if (impl_->error) return *impl_->error;
  return success();
}

bool JsonWriter::null() {
  return impl_->append("null");
}
bool JsonWriter::boolean(bool value) {
  return impl_->append(value ? "true" : "false");
}
bool JsonWriter::raw(std::string_view value) {
  return impl_->append(value);
}

bool JsonWriter::spelled(std::string_view value, const JsonLocation& location) {
  Impl& impl = *impl_;
  if (!impl.check_depth(impl.depth + json_detail::depth_of(value), location)) return false;
  if (impl.stamp == nullptr || location.up != nullptr) return impl.append(value);
  if (value.front() != '{') return fail(location, "all of a state has to be an object");
  json_detail::TextItems items(value);
  for (json_detail::TextItem item; items.next(item);) {
    const std::string name = json_detail::unescaped(item.key);
    if (StampFields::owns(name)) return refuse_name(name, location);
  }
  if (!begin_object(location)) return false;
  const std::size_t end = value.size() - items.rest().size();
  const std::size_t begin = std::min(value.find('"'), end);
  if (begin < end && (!element() || !raw(value.substr(begin, end - begin)))) return false;
  return end_object(location);
}

bool JsonWriter::integer(std::int64_t value) {
  return impl_->number(value);
}

bool JsonWriter::natural(std::uint64_t value) {
  return impl_->number(value);
}

namespace {

/// The fewest digits that read back as the same number, and always a point or an exponent, since
/// other readers tell integers apart. As in Python, an exponent is written only for numbers that
/// are long without one.
template <class Float>
std::size_t format_real(char* at, Float value) {
  constexpr double plain_min = 1e-4;
  constexpr double plain_end = 1e16;
  const double magnitude = std::abs(double{value});
  const bool plain = magnitude == 0 || (magnitude >= plain_min && magnitude < plain_end);
  const char* const end =
      std::to_chars(at, at + token_max, value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  auto size = static_cast<std::size_t>(end - at);
  if (std::string_view(at, size).find_first_of(".e") == std::string_view::npos) {
    at[size++] = '.';
    at[size++] = '0';
  }
  return size;
}

}  // namespace

bool JsonWriter::real(double value, const JsonLocation& location) {
  if (!std::isfinite(value)) return fail(location, "JSON has no NaN and no infinity");
  if (!impl_->reserve(token_max)) return false;
  impl_->used += format_real(impl_->block.get() + impl_->used, value);
  return true;
}

bool JsonWriter::real(float value, const JsonLocation& location) {
  if (!std::isfinite(value)) return fail(location, "JSON has no NaN and no infinity");
  if (!impl_->reserve(token_max)) return false;
  impl_->used += format_real(impl_->block.get() + impl_->used, value);
  return true;
}

bool JsonWriter::text(std::string_view value, const JsonLocation& location) {
  bool valid = true;
  if (impl_->quoted(value, valid)) return true;
  return valid ? false : fail(location, "this string is not valid UTF-8");
}

bool JsonWriter::begin_object(const JsonLocation& location) {
  Impl& impl = *impl_;
  if (!impl.reserve(1)) return false;
  impl.put('{');
  if (!impl.enter(location)) return false;
  return impl.stamp == nullptr || location.up != nullptr || impl.write_stamp(location);
}

bool JsonWriter::member(std::string_view name, const JsonLocation& object) {
  Impl& impl = *impl_;
  if (object.up == nullptr && impl.stamp != nullptr && StampFields::owns(name)) {
    return refuse_name(name, object);
  }
  bool valid = true;
  if (!impl.separate() || !impl.quoted(name, valid)) {
    return valid ? false : fail(object, "the name of a member is not valid UTF-8");
  }
  if (!impl.reserve(2)) return false;
  impl.put(':');
  if (impl.indent != 0) impl.put(' ');
  return true;
}

bool JsonWriter::end_object(const JsonLocation& location) {
  Impl& impl = *impl_;
  if (impl.stamp != nullptr && location.up == nullptr) return impl.write_checksum();
  --impl.depth;
  if (!impl.first && !impl.new_line()) return false;
  impl.first = false;
  if (!impl.reserve(1)) return false;
  impl.put('}');
  return true;
}

bool JsonWriter::begin_array(const JsonLocation& location) {
  if (!impl_->reserve(1)) return false;
  impl_->put('[');
  return impl_->enter(location);
}

bool JsonWriter::element() {
  return impl_->separate();
}

bool JsonWriter::end_array() {
  Impl& impl = *impl_;
  --impl.depth;
  if (!impl.first && !impl.new_line()) return false;
  impl.first = false;
  if (!impl.reserve(1)) return false;
  impl.put(']');
  return true;
}

std::span<const UnknownMember> JsonWriter::unknown(const JsonLocation& location) const {
  const Stamp* const stamp = impl_->stamp;
  std::string object;
  if (stamp == nullptr || stamp->unknown.empty() || !location.pointer_to(object)) return {};
  const auto found = stamp->unknown.find(object);
  if (found == stamp->unknown.end()) return {};
  return found->second;
}

bool JsonWriter::Impl::write_field(std::string_view name, std::string_view value) {
  return separate() && append("\"") && append(name) && append(indent == 0 ? "\":" : "\": ") &&
         append(value);
}

/// Before the state, so that a file that is cut off still says its generation.
bool JsonWriter::Impl::write_stamp(const JsonLocation& top) {
  std::string updated;
  if (!format_time(to_moment(stamp->last_updated), 9, updated)) {
    return note(ErrorKind::serializer, top.member("last_updated").text() + ": out of range");
  }
  return write_field("generation", std::to_string(stamp->generation)) &&
         write_field("last_updated", '"' + updated + '"') &&
         (stamp->schema_version == 0 ||
          write_field("schema_version", std::to_string(stamp->schema_version))) &&
         (stamp->lineage.id == 0 || write_field("lineage", lineage_text(stamp->lineage)));
}

/// Behind the state: everything behind its digits is fixed, so one pass is enough.
bool JsonWriter::Impl::write_checksum() {
  if (!write_field("checksum", "\"") || !flush()) return false;
  const std::string_view rest = indent == 0 ? "\"}\n" : "\"\n}\n";
  sum->update(as_bytes(rest));
  const std::string digits = sum->hexadecimal();
  sum.reset();
  ended = true;
  --depth;
  return append(checksum_prefix) && append(digits) && append(rest);
}

bool JsonWriter::finish() {
  return (impl_->ended || impl_->append("\n")) && impl_->flush();
}

}  // namespace perdure
