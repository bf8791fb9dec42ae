// SPDX-License-Identifier: BSL-1.0
// Values at JSON Pointers: read, and put in place.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/json.hpp>
#include <perdure/json_pointer.hpp>

#include "base/make_error.hpp"
#include "base/parse.hpp"
#include "formats/json/pointer.hpp"
#include "formats/json/scan.hpp"

namespace perdure {
namespace {

Error refused(std::string_view pointer, const std::string& why) {
  return make_error("follow a JSON Pointer", {}, ErrorKind::invalid_argument,
                    json_excerpt(pointer) + ": " + why);
}

/// Refuses a text that does not follow the grammar.
Result<void> check(std::string_view pointer) {
  const std::string_view fault = json_detail::fault_of_pointer(pointer);
  if (fault.empty()) return success();
  return refused(pointer, std::string("not a JSON Pointer: ").append(fault));
}

/// Refuses a result that a reader with these limits would refuse.
Result<void> check(std::string_view pointer, std::string_view edited, const JsonLimits& limits) {
  if (edited.size() > limits.size_max) {
    return refused(pointer, "the document would have " + std::to_string(edited.size()) +
                                " bytes; size_max = " + std::to_string(limits.size_max));
  }
  const unsigned depth = json_detail::depth_of(edited);
  if (depth <= limits.depth_max) return success();
  return refused(pointer, "the document would be nested " + std::to_string(depth) +
                              " levels deep; depth_max = " + std::to_string(limits.depth_max));
}

/// The index in an array that a token names; "-" is none.
bool parse_index(std::string_view token, std::size_t& out) {
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return false;
  return parse_whole(token, out);
}

}  // namespace

std::string_view fault_of_json_pointer(std::string_view text) noexcept {
  return json_detail::fault_of_pointer(text);
}

namespace {

/// A value on the way of a pointer.
struct Place {
  std::string_view value;
  bool lines;  ///< It begins a line of its own, or is all of a document in lines.
};

/// The child of `at` that `token` names. False where there is none, but `at` can get one.
Result<bool> find_child(const Place& at, std::string_view token, std::string_view pointer,
                        Place& out) {
  const bool object = at.value.front() == '{';
  if (!object && at.value.front() != '[') {
    return refused(pointer, "no object and no array stands before " + json_excerpt(token));
  }
  json_detail::TextItems items(at.value);
  std::size_t count = 0;
  std::size_t index = 0;
  const bool number = !object && parse_index(token, index);
  for (json_detail::TextItem item; items.next(item); ++count) {
    if (object ? json_detail::unescaped(item.key) != token : !number || index != count) continue;
    out = {item.value, item.before.find('\n') != item.before.npos};
    return true;
  }
  if (object || token == "-" || (number && index == count)) return false;
  return refused(pointer, json_excerpt(token) + " is not a place in an array of " +
                              std::to_string(count) + " elements");
}

std::string in_quotes(std::string_view name) {
  Buffer bytes;
  BufferSink sink(bytes);
  if (!Json<std::string>{}.serialize(std::string(name), sink)) return {};
  return std::string(as_text(bytes).substr(0, bytes.size() - 1));  // without its newline
}

/// The indentation of the line that `at` stands on; both are views into one text.
std::string_view indentation(std::string_view document, const char* at) {
  const std::string_view before =
      document.substr(0, static_cast<std::size_t>(at - document.data()));
  const std::string_view line = document.substr(before.rfind('\n') + 1);
  return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
}

/// The container with `value` behind its last item, under `key` (in quotes) if it is an object.
std::string appended(const Place& at, std::string_view key, std::string_view value,
                     const json_detail::TextLayout& layout, std::string_view base) {
  json_detail::TextLayout mine = layout;
  json_detail::TextItems items(at.value);
  json_detail::TextItem last;
  std::size_t count = 0;
  for (; items.next(last); ++count) mine.lines = last.before.find('\n') != last.before.npos;
  if (count == 0) {
    mine.lines = at.lines && layout.lines;
    const std::string whole = std::string(1, at.value.front())
                                  .append(key)
                                  .append(key.empty() ? "" : ":")
                                  .append(value)
                                  .append(1, at.value.back());
    return json_detail::laid_out(whole, mine, base);
  }
  std::string gap(last.before.substr(last.before.find(',') + 1));
  if (count == 1 && gap.empty() && layout.spaced) gap = " ";
  std::string out(at.value.substr(0, at.value.size() - items.rest().size()));
  out.append(1, ',').append(gap).append(key);
  if (!key.empty()) out += last.between;
  out += json_detail::laid_out(value, mine, std::string_view(gap).substr(gap.rfind('\n') + 1));
  return out.append(items.rest());
}

}  // namespace

Result<JsonText> get_at(const JsonText& document, std::string_view pointer) {
  BOOST_OUTCOME_TRY(check(pointer));
  Place at{document.text(), false};
  while (!pointer.empty()) {
    std::string_view rest = pointer;
    const std::string token = json_detail::take_name(rest);
    const auto found = find_child(at, token, pointer, at);
    if (!found || !found.value()) return refused(pointer, "nothing is there");
    pointer = rest;
  }
  return JsonText(std::string(at.value));
}

namespace {

/// The bytes to remove with the item of `container` whose value is `at`; all are views into one
/// text. With the first item, remove the comma and the white space behind it; with others, those
/// before it.
std::string_view item_with_comma(std::string_view container, std::string_view at) {
  json_detail::TextItems items(container);
  json_detail::TextItem item;
  bool first = true;
  while (items.next(item) && item.value.data() != at.data()) first = false;
  const char* begin = item.before.data();
  const char* end = at.data() + at.size();
  const std::size_t gap = item.before.size();
  if (first && items.next(item)) {
    begin += gap;
    end = item.before.data() + item.before.size();
  } else if (first) {
    end = container.data() + container.size() - 1;
  }
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

Result<void> remove_at(JsonText& document, std::string_view pointer) {
  BOOST_OUTCOME_TRY(check(pointer));
  if (pointer.empty()) return refused(pointer, "all of the document can't be taken out of it");
  const std::string_view text = document.text();
  Place at{text, false};
  std::string_view container;
  std::string_view rest = pointer;
  while (!rest.empty()) {
    container = at.value;
    const auto found = find_child(at, json_detail::take_name(rest), pointer, at);
    if (!found || !found.value()) return refused(pointer, "nothing is there");
  }
  const std::string_view cut = item_with_comma(container, at.value);
  document.text_ = std::string(text.data(), cut.data())
                       .append(cut.data() + cut.size(), text.data() + text.size());
  return success();
}

Result<void> set_at(JsonText& document, std::string_view pointer, const JsonText& value,
                    unsigned indent, const JsonLimits& limits) {
  BOOST_OUTCOME_TRY(check(pointer));
  const std::string_view text = document.text();
  json_detail::TextLayout layout = json_detail::layout_of(text, indent);
  Place at{text, layout.lines};
  std::string_view rest = pointer;
  std::vector<std::string> missing;  // names that are to be made, in quotes
  while (!rest.empty()) {
    const std::string token = json_detail::take_name(rest);
    if (missing.empty()) {
      BOOST_OUTCOME_TRY(const bool found, find_child(at, token, pointer, at));
      if (found) continue;
    }
    missing.push_back(in_quotes(token));
    if (missing.back().empty()) return refused(pointer, "a name in it is not valid UTF-8");
  }
  const std::string_view base = indentation(text, at.value.data());
  std::string made(value.text());
  for (; missing.size() > 1; missing.pop_back()) {
    std::string outer = "{";
    outer.append(missing.back()).append(":").append(made).append("}");
    made = std::move(outer);
  }
  if (missing.empty()) {
    layout.lines = at.lines && layout.lines;
    made = json_detail::laid_out(made, layout, base);
  } else {
    const bool object = at.value.front() == '{';
    made = appended(at, object ? missing.front() : std::string(), made, layout, base);
  }
  const auto begin = static_cast<std::size_t>(at.value.data() - text.data());
  std::string edited =
      std::string(text.substr(0, begin)).append(made).append(text.substr(begin + at.value.size()));
  BOOST_OUTCOME_TRY(check(pointer, edited, limits));
  document.text_ = std::move(edited);
  return success();
}

}  // namespace perdure
