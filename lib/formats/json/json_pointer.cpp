// SPDX-License-Identifier: BSL-1.0
// Values at JSON Pointers: read, and put in place.
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include <perdure/json/place.hpp>
#include <perdure/json_pointer.hpp>

#include "base/parse.hpp"
#include "formats/json/pointer.hpp"

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

/// Refuses a text that does not follow the grammar.
Result<void> check(std::string_view pointer) {
  const std::string_view fault = json_detail::fault_of_pointer(pointer);
  if (fault.empty()) return success();
  return refused(pointer, std::string("not a JSON Pointer: ").append(fault));
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

std::string_view fault_of_json_pointer(std::string_view text) noexcept {
  return json_detail::fault_of_pointer(text);
}

Result<const bj::value*> get_at(const bj::value& document, std::string_view pointer) {
  BOOST_OUTCOME_TRY(check(pointer));
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
  BOOST_OUTCOME_TRY(check(pointer));
  // Missing members are built apart and put in place at the end: a pointer that turns out to lead
  // nowhere has changed nothing.
  bj::value* at = &document;
  std::string_view rest = pointer;
  while (!rest.empty()) {
    std::string_view next = rest;
    const std::string token = json_detail::take_name(next);
    bj::value* child = nullptr;
    if (at->is_object()) {
      child = at->get_object().if_contains(token);
    } else if (at->is_array()) {
      std::size_t index = 0;
      bj::array& array = at->get_array();
      if (!parse_index(token, array.size(), index)) {
        return refused(pointer, json_excerpt(token) + " is not a place in an array of " +
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
  // Wrap by the names that are left, from the innermost to the outermost but one.
  std::vector<std::string> names;
  while (!rest.empty()) names.push_back(json_detail::take_name(rest));
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
