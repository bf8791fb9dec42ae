// SPDX-License-Identifier: BSL-1.0
// Numbers in keys have twenty digits, so that their order is that of the keys.
#include "etcd/keys.hpp"

#include <charconv>
#include <utility>

#include <perdure/json.hpp>

#include "base/make_error.hpp"
#include "etcd/json_line.hpp"

namespace perdure::etcd {
namespace {

constexpr std::size_t digits = 20;
constexpr std::uint64_t format = 1;
constexpr std::string_view step = "read the state's record";

std::string padded(std::uint64_t number) {
  const std::string text = std::to_string(number);
  return std::string(digits - text.size(), '0') + text;
}

/// A record of any version.
struct Versioned {
  std::uint64_t perdure = 0;
};
BOOST_DESCRIBE_STRUCT(Versioned, (), (perdure))

struct PresentText {
  std::uint64_t perdure = format;
  std::string token;
  std::uint64_t size = 0;
  std::uint64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(PresentText, (), (perdure, token, size, parts))

struct AbsentText {
  std::uint64_t perdure = format;
  std::string token;
  bool absent = true;
};
BOOST_DESCRIBE_STRUCT(AbsentText, (), (perdure, token, absent))

struct RecordText {
  std::string token;
  bool absent = false;
  std::uint64_t size = 0;
  std::uint64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(RecordText, (), (token, absent, size, parts))

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
  if (absent) return write_line(AbsentText{.token = token}).value();
  return write_line(PresentText{.token = token, .size = size, .parts = parts}).value();
}

Result<StateRecord> parse_record(Bytes value, const std::string& key) {
  const auto versioned = read_line<Versioned>(value);
  if (!versioned || versioned.value().perdure == 0) {
    return reading(make_error(step, key, ErrorKind::corrupt,
                              "perdure did not write what this key holds: choose another prefix, "
                              "or move it away"));
  }
  if (versioned.value().perdure > format) {
    return reading(make_error(step, key, ErrorKind::too_new,
                              "a newer version of perdure wrote it: use that one"));
  }
  auto read = read_line<RecordText>(value);
  if (!read) return reading(make_error(step, key, ErrorKind::corrupt, read.error().detail));
  auto& [token, absent, size, parts] = read.value();
  if (token.empty()) return reading(make_error(step, key, ErrorKind::corrupt, "it has no token"));
  return StateRecord{.token = std::move(token), .absent = absent, .size = size, .parts = parts};
}

}  // namespace perdure::etcd
