// SPDX-License-Identifier: BSL-1.0
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include <perdure/json/place.hpp>
#include <perdure/json_pointer.hpp>

#include "base/parse.hpp"

namespace perdure {
namespace {

namespace bj = boost::json;

Error refused(std::string_view pointer, const std::string& why) {
  return {.kind = ErrorKind::invalid_argument,
          .cause = {},
          .step = "follow a JSON Pointer",
          .path = {},
          .detail = json_excerpt(pointer) + ": " + why};
}

/// Takes "/name" from the front of `pointer`; false when an escape in it is not ~0 or ~1.
bool take_token(std::string_view& pointer, std::string& token) {
  pointer.remove_prefix(1);
  const std::size_t size = std::min(pointer.find('/'), pointer.size());
  token.clear();
  for (std::size_t i = 0; i < size; ++i) {
    if (pointer[i] != '~') {
      token += pointer[i];
    } else if (++i < size && (pointer[i] == '0' || pointer[i] == '1')) {
      token += pointer[i] == '0' ? '~' : '/';
    } else {
      return false;
    }
  }
  pointer.remove_prefix(size);
  return true;
}

/// The place in an array that a token names; `size` is the one past its end.
bool parse_index(std::string_view token, std::size_t size, std::size_t& out) {
  if (token == "-") {
    out = size;
    return true;
  }
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return false;
  return parse_whole(token, out) && out <= size;
}

}  // namespace

Result<const bj::value*> get_at(const bj::value& document, std::string_view pointer) {
  boost::system::error_code code;
  const bj::value* const found = document.find_pointer({pointer.data(), pointer.size()}, code);
  if (found != nullptr) return found;
  if (code == bj::error::not_found || code == bj::error::past_the_end ||
      code == bj::error::value_is_scalar) {
    return refused(pointer, "nothing is there");
  }
  return refused(pointer, "not a JSON Pointer: " + code.message());
}

// The library has a function for this from 1.82 on.
Result<void> set_at(bj::value& document, std::string_view pointer, const bj::value& value) {
  if (!pointer.empty() && pointer.front() != '/') {
    return refused(pointer, "not a JSON Pointer: it begins with /, or is empty");
  }
  // What is missing is built apart and put in place at the end, so that a pointer that turns out
  // to be wrong has changed nothing.
  bj::value* at = &document;
  std::string_view rest = pointer;
  std::string token;
  while (!rest.empty()) {
    std::string_view next = rest;
    if (!take_token(next, token)) return refused(pointer, "~ is written ~0, and / is written ~1");
    bj::value* child = nullptr;
    if (at->is_object()) {
      child = at->get_object().if_contains(token);
    } else if (at->is_array()) {
      std::size_t index = 0;
      bj::array& array = at->get_array();
      if (!parse_index(token, array.size(), index)) {
        return refused(pointer, json_excerpt(token) + " is no place in an array of " +
                                    std::to_string(array.size()) + " elements");
      }
      if (index < array.size()) child = &array[index];
    } else {
      return refused(pointer, "no object and no array stands before " + json_excerpt(token));
    }
    if (child == nullptr) break;
    at = child;
    rest = next;
  }
  bj::value made = value;
  if (rest.empty()) {
    *at = std::move(made);
    return success();
  }
  // Check the names that are left, then wrap from the innermost to the outermost but one.
  std::vector<std::string> names;
  while (!rest.empty()) {
    if (!take_token(rest, token)) return refused(pointer, "~ is written ~0, and / is written ~1");
    names.push_back(token);
  }
  for (; names.size() > 1; names.pop_back()) {
    bj::object around;
    around.emplace(names.back(), std::move(made));
    made = std::move(around);
  }
  if (at->is_object()) {
    at->get_object().emplace(names.front(), std::move(made));
  } else {
    at->get_array().push_back(std::move(made));
  }
  return success();
}

}  // namespace perdure
