// SPDX-License-Identifier: BSL-1.0
// JSON values that keep their spelling.
#include <string>
#include <string_view>

#include <perdure/detail/caught.hpp>
#include <perdure/json/reader.hpp>
#include <perdure/json/text.hpp>
#include <perdure/json/writer.hpp>

#include "formats/json/scan.hpp"

namespace perdure {

Result<JsonText> JsonText::parse(std::string_view text, const JsonLimits& limits) try {
  JsonReader reader(limits);
  JsonText out;
  if (!reader.open(as_bytes(text)) || !read_json(reader, out, JsonLocation{}) || !reader.close()) {
    return reader.error();
  }
  return out;
} catch (...) {
  return detail::caught("read the JSON text");
}

namespace {

json_detail::TextLayout layout_for(unsigned indent) {
  return {.unit = std::string(indent, ' '), .lines = indent != 0, .spaced = indent != 0};
}

}  // namespace

std::string JsonText::laid_out(unsigned indent) const {
  return json_detail::laid_out(text_, layout_for(indent), {});
}

Result<void> JsonText::lay_out(unsigned indent, Sink& sink) const try {
  return json_detail::lay_out(text_, layout_for(indent), sink);
} catch (...) {
  return detail::caught("lay the JSON text out");
}

bool read_json(JsonReader& reader, JsonText& out, const JsonLocation& location) {
  return reader.spelled(out.text_, location);
}

bool write_json(JsonWriter& writer, const JsonText& value, const JsonLocation& location) {
  return writer.spelled(value.text(), location);
}

}  // namespace perdure
