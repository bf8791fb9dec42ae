// SPDX-License-Identifier: BSL-1.0
// Assertions on results that show the error's own words when they fail.
#pragma once

#include <string>

#include <perdure/error.hpp>

#include "catch.hpp"

namespace perdure::test {

template <class T>
std::string say(const Result<T>& result) {
  return result ? "success" : result.error().message();
}
template <class T>
std::string say(const SysResult<T>& result) {
  return result ? "success" : result.error().message();
}

/// The words of a failure. A success has none, and no table of words expects that.
template <class T>
std::string words_of(const Result<T>& result) {
  return result ? "" : result.error().message();
}

/// Kind, fate and step of a failure, as one text that a child process can hand back, too.
template <class T>
std::string nature_of(const Result<T>& result) {
  if (result) return "success";
  const Error& error = result.error();
  return std::string(to_string(error.kind)) + ", " + std::string(to_string(error.fate)) + ", " +
         error.step;
}

}  // namespace perdure::test

#define REQUIRE_OK(...)                   \
  do {                                    \
    const auto& outcome_ = (__VA_ARGS__); \
    INFO(perdure::test::say(outcome_));   \
    REQUIRE(outcome_.has_value());        \
  } while (false)

/// The call fails with this kind and fate.
#define REQUIRE_FAILS(wanted_kind, wanted_fate, ...)                                       \
  do {                                                                                     \
    const auto& outcome_ = (__VA_ARGS__);                                                  \
    INFO(perdure::test::say(outcome_));                                                    \
    REQUIRE_FALSE(outcome_.has_value());                                                   \
    CHECK(to_string(outcome_.error().kind) == to_string(perdure::ErrorKind::wanted_kind)); \
    CHECK(to_string(outcome_.error().fate) == to_string(perdure::Fate::wanted_fate));      \
  } while (false)
