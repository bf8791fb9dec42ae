// SPDX-License-Identifier: BSL-1.0
// States without a schema: Boost.JSON's types.
#include <string_view>

#include <boost/json.hpp>

#include <perdure/json/types.hpp>

#include "base/parse.hpp"

namespace perdure {
namespace {

namespace bj = boost::json;

/// Reads an integer that 64 bits hold as an integer, and refuses larger ones: none is rounded to a
/// double in silence.
bool read_number(JsonReader& reader, bj::value& out, const JsonLocation& location) {
  std::string_view token;
  if (!reader.raw(token, location)) return false;
  if (token.find_first_of(".eE") == std::string_view::npos && token != "-0") {
    if (parse_whole(token, out.emplace_int64())) return true;
    if (parse_whole(token, out.emplace_uint64())) return true;
    return reader.not_a_number(token, "-9223372036854775808", "18446744073709551615", location);
  }
  return reader.real(out.emplace_double(), location);
}

}  // namespace

bool read_json(JsonReader& reader, bj::value& out, const JsonLocation& location) {
  switch (reader.kind()) {
    case JsonKind::null:
      out.emplace_null();
      return reader.null(location);
    case JsonKind::boolean:
      return reader.boolean(out.emplace_bool(), location);
    case JsonKind::number:
      return read_number(reader, out, location);
    case JsonKind::string:
      return read_json(reader, out.emplace_string(), location);
    case JsonKind::array:
      return read_json(reader, out.emplace_array(), location);
    case JsonKind::object:
      return read_json(reader, out.emplace_object(), location);
    case JsonKind::malformed:
      break;
  }
  return reader.mismatch(location, "a value");
}

bool read_json(JsonReader& reader, bj::string& out, const JsonLocation& location) {
  std::string_view text;
  if (!reader.text(text, location)) return false;
  out.assign(text.data(), text.size());
  return true;
}

bool read_json(JsonReader& reader, bj::array& out, const JsonLocation& location) {
  out.clear();
  return reader.array(location, &out, [](JsonReader& from, void* context, const JsonLocation& at) {
    return read_json(from, static_cast<bj::array*>(context)->emplace_back(nullptr), at);
  });
}

bool read_json(JsonReader& reader, bj::object& out, const JsonLocation& location) {
  out.clear();
  return reader.object(location, &out, [](JsonReader& from, void* context, const JsonLocation& at) {
    const auto [entry, fresh] =
        static_cast<bj::object*>(context)->emplace({at.key.data(), at.key.size()}, nullptr);
    return fresh ? read_json(from, entry->value(), at) : from.duplicate(at);
  });
}

bool write_json(JsonWriter& writer, const bj::value& value, const JsonLocation& location) {
  switch (value.kind()) {
    case bj::kind::null:
      break;
    case bj::kind::bool_:
      return writer.boolean(value.get_bool());
    case bj::kind::int64:
      return writer.integer(value.get_int64());
    case bj::kind::uint64:
      return writer.natural(value.get_uint64());
    case bj::kind::double_:
      return writer.real(value.get_double(), location);
    case bj::kind::string:
      return write_json(writer, value.get_string(), location);
    case bj::kind::array:
      return write_json(writer, value.get_array(), location);
    case bj::kind::object:
      return write_json(writer, value.get_object(), location);
  }
  return writer.null();
}

bool write_json(JsonWriter& writer, const bj::string& value, const JsonLocation& location) {
  return writer.text({value.data(), value.size()}, location);
}

bool write_json(JsonWriter& writer, const bj::array& value, const JsonLocation& location) {
  return json_detail::write_elements(writer, value, location);
}

bool write_json(JsonWriter& writer, const bj::object& value, const JsonLocation& location) {
  if (!writer.begin_object(location)) return false;
  for (const bj::key_value_pair& entry : value) {
    const std::string_view key(entry.key().data(), entry.key().size());
    if (!writer.member(key, location) || !write_json(writer, entry.value(), location.member(key))) {
      return false;
    }
  }
  return writer.end_object(location);
}

}  // namespace perdure
