// SPDX-License-Identifier: BSL-1.0
// Generations in keys have twenty digits, so that their order is that of the keys.
#include "etcd/keys.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <perdure/json.hpp>

#include "base/make_error.hpp"
#include "base/parse.hpp"
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

/// A state that is there.
struct StateText {
  std::string token;
  std::string content;
  std::uint64_t size = 0;
  std::uint64_t parts = 0;
};
BOOST_DESCRIBE_STRUCT(StateText, (), (token, content, size, parts))

struct PreviousText : StateText {
  std::uint64_t generation = 0;
};
BOOST_DESCRIBE_STRUCT(PreviousText, (StateText), (generation))

struct RootText : StateText {
  bool absent = false;
  std::uint64_t fences = 0;
  std::vector<PreviousText> previous;
};
BOOST_DESCRIBE_STRUCT(RootText, (StateText), (absent, fences, previous))

void add_state(std::string& line, const StateRecord& state) {
  add_member(line, "token", state.token);
  if (state.parts > 0) add_member(line, "content", state.content);
  add_member(line, "size", state.size);
  add_member(line, "parts", state.parts);
}

StateRecord record_of(StateText&& text, bool absent) {
  return {.token = std::move(text.token),
          .absent = absent,
          .content = std::move(text.content),
          .size = text.size,
          .parts = text.parts};
}

/// Names are those that draw_token() makes.
bool is_name(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
/// Whether the record has all fields by which its state is found.
bool is_complete(const StateRecord& state) {
  return !state.token.empty() && state.content.empty() == (state.parts == 0) &&
         is_name(state.token) && is_name(state.content);
}

}  // namespace

std::string Keys::damaged(std::uint64_t generation, std::string_view token) const {
  return all_damaged() + padded(generation) + '-' + std::string(token);
}
std::string Keys::content(std::string_view name) const {
  return all_content() + std::string(name) + '/';
}
std::string Keys::part(std::string_view name, std::uint64_t number) const {
  return content(name) + std::to_string(number);
}
std::string Keys::upload(std::string_view token) const {
  return all_uploads() + std::string(token);
}

std::optional<std::uint64_t> Keys::generation_in(std::string_view key) const {
  const std::string below = all_damaged();
  if (!key.starts_with(below) || key.size() < below.size() + digits) return std::nullopt;
  const std::string_view rest = key.substr(below.size());
  std::uint64_t generation = 0;
  if (!parse_whole(rest.substr(0, digits), generation)) return std::nullopt;
  if (rest.size() > digits && rest[digits] != '-') return std::nullopt;
  return generation;
}

std::string Keys::name_in(std::string_view key, std::string_view below) {
  if (!key.starts_with(below)) return {};
  const std::string_view rest = key.substr(below.size());
  return std::string(rest.substr(0, rest.find('/')));
}

std::string RootRecord::text() const {
  std::string line = "{";
  add_member(line, "perdure", format);
  if (state.absent) {
    add_member(line, "token", state.token);
    line += R"(,"absent":true)";
  } else {
    add_state(line, state);
  }
  if (fences > 0) add_member(line, "fences", fences);
  for (const auto& [generation, one] : previous) {
    line += generation == previous.begin()->first ? R"(,"previous":[{)" : ",{";
    add_member(line, "generation", generation);
    add_state(line, one);
    line += '}';
  }
  return line += previous.empty() ? "}" : "]}";
}

Result<RootRecord> parse_record(Bytes value, const std::string& key) {
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
  auto read = read_line<RootText>(value);
  if (!read) return reading(make_error(step, key, ErrorKind::corrupt, read.error().detail));
  RootText& text = read.value();
  RootRecord root;
  root.fences = text.fences;
  for (PreviousText& one : text.previous) {
    root.previous[one.generation] = record_of(std::move(one), false);
  }
  root.state = record_of(std::move(text), text.absent);
  const auto is_whole = [](const auto& one) { return is_complete(one.second); };
  if (is_complete(root.state) && std::ranges::all_of(root.previous, is_whole)) return root;
  return reading(make_error(step, key, ErrorKind::corrupt,
                            "it does not say where each content is: damaged, or written by a "
                            "perdure before its first release"));
}

}  // namespace perdure::etcd
