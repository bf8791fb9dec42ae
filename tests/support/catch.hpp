// SPDX-License-Identifier: BSL-1.0
// Catch2 keeps its header elsewhere since version 3; the tests are written against what both have.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>
#include <string>

namespace perdure::test {

/// Whether a sanitizer runs beneath: it takes memory, descriptors and system calls of its own.
#ifdef PERDURE_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// Whether an emulator of another processor runs the program: it has memory, descriptors, signals
/// and system calls of its own, and does not know every call of the kernel beneath.
#ifdef PERDURE_EMULATED
inline constexpr bool emulated = true;
#else
inline constexpr bool emulated = false;
#endif

/// Matches a text with this part in it: a matcher that Catch2 2 calls Contains, and Catch2 3
/// ContainsSubstring.
inline auto Contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

/// Says why this test can't run here, in words that ctest counts as "skipped". Return after it.
inline void skip(const std::string& reason) {
  std::printf("perdure: skipped: %s\n", reason.c_str());
  SUCCEED("skipped");
}

}  // namespace perdure::test
