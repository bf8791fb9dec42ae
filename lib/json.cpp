// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <perdure/json.hpp>

namespace perdure::json_detail {

Error exception_error(std::string_view step) {
  Error out{.kind = ErrorKind::serializer,
            .cause = {},
            .step = std::string(step),
            .path = {},
            .detail = {}};
  try {
    throw;
  } catch (const std::bad_alloc&) {
    out.cause = std::make_error_code(std::errc::not_enough_memory);
    out.detail = "not enough memory";
  } catch (const std::exception& error) {
    out.detail = std::string("an exception: ") + error.what();
  } catch (...) {
    out.detail = "an exception of an unknown type";
  }
  return out;
}

namespace {

/// The number of a text that begins as the writer's do.
bool first_generation(std::string_view text, std::uint64_t& out) {
  for (const std::string_view token : {"{", "\"generation\"", ":"}) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with(token)) return false;
    text.remove_prefix(token.size());
  }
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc();
}

}  // namespace

std::uint64_t claimed_generation(Bytes bytes, const JsonLimits& limits) noexcept try {
  // A text whose end is missing does not parse at all; the front of it may still be legible.
  std::uint64_t generation = 0;
  if (first_generation(as_text(bytes), generation)) return generation;
  JsonReader reader(limits);
  reader.expect_stamp();
  std::string_view ignored;
  if (reader.open(bytes)) static_cast<void>(reader.raw(ignored, JsonPlace{}));
  return reader.stamp().generation;
} catch (...) {
  return 0;
}

}  // namespace perdure::json_detail
