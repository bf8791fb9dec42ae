// SPDX-License-Identifier: BSL-1.0
// Finds items in a checked JSON text, and lays it out anew.
#include "formats/json/scan.hpp"

#include <algorithm>

#include <perdure/json/reader.hpp>

#include "formats/json/stamp_fields.hpp"

namespace perdure::json_detail {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::size_t blanks_size(std::string_view text) noexcept {
  return std::min(text.find_first_not_of(blanks), text.size());
}

/// With both quotes.
std::size_t string_size(std::string_view text) noexcept {
  std::size_t at = 1;
  while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at + 1;
}

/// Of a string, of a number or a word, or else of one character.
std::size_t token_size(std::string_view text) noexcept {
  if (text.front() == '"') return string_size(text);
  constexpr std::string_view marks = "{}[],: \t\r\n";
  return std::max<std::size_t>(1, std::min(text.find_first_of(marks), text.size()));
}

bool opens(char c) noexcept {
  return c == '{' || c == '[';
}
bool closes(char c) noexcept {
  return c == '}' || c == ']';
}

std::string_view take(std::string_view& text, std::size_t size) noexcept {
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(taken.size());
  return taken;
}

}  // namespace

std::size_t value_size(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::size_t depth = 0;;) {
    if (opens(text[at])) ++depth;
    if (closes(text[at])) --depth;
    at += token_size(text.substr(at));
    if (depth == 0) return at;
  }
}

unsigned depth_of(std::string_view text) noexcept {
  unsigned depth = 0;
  unsigned most = 0;
  for (; !text.empty(); text.remove_prefix(token_size(text))) {
    if (opens(text.front())) most = std::max(most, ++depth);
    if (closes(text.front())) --depth;
  }
  return most;
}

TextItems::TextItems(std::string_view container)
    : object_(container.front() == '{'), rest_(container.substr(1)) {}

bool TextItems::next(TextItem& out) {
  std::size_t gap = blanks_size(rest_);
  if (rest_[gap] == ',') gap += 1 + blanks_size(rest_.substr(gap + 1));
  if (closes(rest_[gap])) return false;
  out.before = take(rest_, gap);
  if (object_) {
    const std::string_view quoted = take(rest_, string_size(rest_));
    out.key = quoted.substr(1, quoted.size() - 2);
    const std::size_t colon = rest_.find(':') + 1;
    out.between = take(rest_, colon + blanks_size(rest_.substr(colon)));
  }
  out.value = take(rest_, value_size(rest_));
  return true;
}

std::string unescaped(std::string_view spelled) {
  if (spelled.find('\\') == spelled.npos) return std::string(spelled);
  const std::string quoted = '"' + std::string(spelled) + '"';
  JsonReader reader({.size_max = quoted.size()});
  std::string name;
  if (!reader.open(as_bytes(quoted)) || !reader.text(name, JsonLocation{})) name = spelled;
  return name;
}

std::string without_stamp(std::string_view object) {
  std::string out = "{";
  TextItems items(object);
  for (TextItem item; items.next(item);) {
    if (StampFields::owns(unescaped(item.key))) continue;
    const bool first = out.size() == 1;
    out += first ? item.before.substr(item.before.find(',') + 1) : item.before;
    out.append(1, '"').append(item.key).append(1, '"').append(item.between).append(item.value);
  }
  return out.size() == 1 ? "{}" : out.append(items.rest());
}

TextLayout layout_of(std::string_view document, unsigned indent) {
  TextLayout layout{.unit = std::string(indent, ' '), .lines = indent != 0, .spaced = indent != 0};
  TextItem item;
  if (!opens(document.front()) || !TextItems(document).next(item)) return layout;
  const std::size_t line = item.before.rfind('\n');
  layout.lines = line != item.before.npos;
  if (layout.lines) layout.unit = item.before.substr(line + 1);
  layout.spaced = layout.lines || item.between.ends_with(' ');
  return layout;
}

namespace {

/// Hands each piece of the new text to `put`.
template <class Put>
void lay_out_to(const Put& put, std::string_view value, const TextLayout& layout,
                std::string_view base) {
  std::size_t depth = 0;
  const auto line = [&] {
    if (!layout.lines) return;
    put("\n");
    put(base);
    for (std::size_t i = 0; i < depth; ++i) put(layout.unit);
  };
  bool empty = false;  // nothing stands behind the bracket yet
  for (value.remove_prefix(blanks_size(value)); !value.empty();
       value.remove_prefix(blanks_size(value))) {
    const std::string_view token = take(value, token_size(value));
    const char c = token.front();
    if (closes(c)) {
      --depth;
      if (!empty) line();
    } else if (empty) {
      line();
    }
    put(token);
    empty = opens(c);
    if (empty) ++depth;
    if (c == ',') line();
    if (c == ':' ? layout.spaced : c == ',' && layout.spaced && !layout.lines) put(" ");
  }
}

}  // namespace

std::string laid_out(std::string_view value, const TextLayout& layout, std::string_view base) {
  std::string out;
  lay_out_to([&](std::string_view piece) { out += piece; }, value, layout, base);
  return out;
}

Result<void> lay_out(std::string_view value, const TextLayout& layout, Sink& sink) {
  constexpr std::size_t block_size = std::size_t{64} << 10U;
  std::string block;
  Result<void> done = success();
  const auto flush = [&] {
    if (done) done = sink.write(as_bytes(block));
    block.clear();
  };
  const auto put = [&](std::string_view piece) {
    block += piece;
    if (block.size() >= block_size) flush();
  };
  lay_out_to(put, value, layout, {});
  flush();
  return done;
}

}  // namespace perdure::json_detail
