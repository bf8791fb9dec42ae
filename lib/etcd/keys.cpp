// SPDX-License-Identifier: BSL-1.0
// Numbers in keys have twenty digits, so that their order is that of the keys.
#include "etcd/keys.hpp"

#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/make_error.hpp"

namespace perdure::etcd {
namespace json = boost::json;
namespace {

constexpr std::size_t digits = 20;
constexpr std::int64_t format = 1;
constexpr std::string_view step = "read the state's record";

std::string padded(std::uint64_t number) {
  const std::string text = std::to_string(number);
  return std::string(digits - text.size(), '0') + text;
}

std::uint64_t count_in(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr) return 0;
  if (found->is_uint64()) return found->get_uint64();
  return found->is_int64() && found->get_int64() > 0
             ? static_cast<std::uint64_t>(found->get_int64())
             : 0;
}

}  // namespace

std::string Keys::previous(std::uint64_t generation) const {
  return all_previous() + padded(generation);
}
std::string Keys::damaged(std::uint64_t generation, std::string_view token) const {
  return all_damaged() + padded(generation) + '-' + std::string(token);
}
std::string Keys::content(std::string_view token) const {
  return all_content() + std::string(token) + '/';
}
std::string Keys::part(std::string_view token, std::uint64_t number) const {
  return content(token) + padded(number);
}
std::string Keys::upload(std::string_view token) const {
  return all_uploads() + std::string(token);
}

std::optional<std::uint64_t> Keys::generation_in(std::string_view key) const {
  for (const auto& below : {all_previous(), all_damaged()}) {
    if (!key.starts_with(below)) continue;
    const std::string_view rest = key.substr(below.size());
    const std::string_view number = rest.substr(0, digits);
    std::uint64_t generation = 0;
    const auto [end, fault] =
        std::from_chars(number.data(), number.data() + number.size(), generation);
    const bool whole = fault == std::errc() && end == number.data() + digits;
    if (whole && (rest.size() == digits || rest[digits] == '-')) return generation;
  }
  return std::nullopt;
}

std::string Keys::token_in(std::string_view key, std::string_view below) {
  if (!key.starts_with(below)) return {};
  const std::string_view rest = key.substr(below.size());
  return std::string(rest.substr(0, rest.find('/')));
}

std::string StateRecord::text() const {
  const std::string head = "{\"perdure\":" + std::to_string(format) + ",\"token\":\"" + token + '"';
  if (absent) return head + ",\"absent\":true}";
  return head + ",\"size\":" + std::to_string(size) + ",\"parts\":" + std::to_string(parts) + '}';
}

Result<StateRecord> parse_record(Bytes value, const std::string& key) {
  boost::system::error_code fault;
  const json::value parsed = json::parse(as_text(value), fault);
  const json::value* found = nullptr;
  if (!fault && parsed.is_object()) found = parsed.get_object().if_contains("perdure");
  if (found == nullptr || !found->is_int64() || found->get_int64() < 1) {
    return reading(make_error(step, key, ErrorKind::corrupt,
                              "perdure did not write what this key holds: choose another prefix, "
                              "or move it away"));
  }
  if (found->get_int64() > format) {
    return reading(make_error(step, key, ErrorKind::too_new,
                              "a newer version of perdure wrote it: use that one"));
  }
  const json::object& object = parsed.get_object();
  StateRecord record;
  record.absent = object.contains("absent");
  record.size = count_in(object, "size");
  record.parts = count_in(object, "parts");
  const json::value* const token = object.if_contains("token");
  if (token != nullptr && token->is_string()) record.token = std::string(token->get_string());
  if (!record.token.empty()) return record;
  return reading(make_error(step, key, ErrorKind::corrupt, "it has no token"));
}

}  // namespace perdure::etcd
