// SPDX-License-Identifier: BSL-1.0
// States in migration: unchanged values keep their spelling.
#include <map>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include <perdure/json.hpp>
#include <perdure/json/migrated.hpp>

#include "formats/json/scan.hpp"

namespace perdure {
namespace {

namespace bj = boost::json;

/// Reads a text that was checked before.
template <class T>
Result<T> read_checked(std::string_view text) {
  const JsonLimits limits{.size_max = text.size(), .depth_max = json_detail::depth_of(text)};
  return Json<T>{.indent = 0, .limits = limits}.deserialize(as_bytes(text));
}

/// The object `now`, which was `original`.
bool write_kept(JsonWriter& writer, const bj::object& now, std::string_view original,
                const JsonLocation& location) {
  std::map<std::string, std::string_view, std::less<>> before;
  json_detail::TextItems items(original);
  for (json_detail::TextItem item; items.next(item);) {
    before.emplace(json_detail::unescaped(item.key), item.value);
  }
  if (!writer.begin_object(location)) return false;
  for (const bj::key_value_pair& entry : now) {
    const std::string_view key(entry.key().data(), entry.key().size());
    const JsonLocation at = location.member(key);
    if (!writer.member(key, location)) return false;
    const auto found = before.find(key);
    const auto was = found == before.end() ? Result<bj::value>(bj::value())
                                           : read_checked<bj::value>(found->second);
    const bool there = found != before.end() && was.has_value();
    const bool same = there && was.value() == entry.value();
    const bool objects = there && was.value().is_object() && entry.value().is_object();
    const bool done = same      ? writer.spelled(found->second, at)
                      : objects ? write_kept(writer, entry.value().get_object(), found->second, at)
                                : write_json(writer, entry.value(), at);
    if (!done) return false;
  }
  return writer.end_object(location);
}

}  // namespace

bool read_json(JsonReader& reader, MigratedObject& out, const JsonLocation& location) {
  if (!read_json(reader, out.original, location)) return false;
  if (!out.original.is_object()) return reader.fail(location, "expected an object");
  auto read = read_checked<bj::object>(out.original.text());
  if (!read) return reader.fail(location, read.error().detail);
  static_cast<bj::object&>(out) = std::move(read.value());
  return true;
}

bool write_json(JsonWriter& writer, const MigratedObject& value, const JsonLocation& location) {
  if (!value.original.is_object()) {
    return write_json(writer, static_cast<const bj::object&>(value), location);
  }
  return write_kept(writer, value, value.original.text(), location);
}

}  // namespace perdure
