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
