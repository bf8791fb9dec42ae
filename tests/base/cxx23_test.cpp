// SPDX-License-Identifier: BSL-1.0
// Newer standard libraries have std::format and std::expected.
#include <string>

#include <perdure/expected.hpp>
#include <perdure/format.hpp>

#include "support/catch.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)

TEST_CASE("errors are formatted") {
#ifdef __cpp_lib_format
  const Error error = Error::serializer("a job needs a name");
  CHECK(std::format("{}", error) == error.message());
  CHECK(std::format("{:>9}", Fate::visible) == "  visible");
  CHECK(std::format("{}", ErrorKind::too_new) == "too_new");
#else
  WARN("skipped: this standard library has no std::format");
#endif
}

TEST_CASE("results become std::expected, and come back") {
#ifdef __cpp_lib_expected
  const auto value = to_expected(Result<std::string>("text"));
  REQUIRE(value.has_value());
  CHECK(*value == "text");
  CHECK(from_expected(value).value() == "text");
  const auto failed = to_expected(Result<void>(Error::corrupt("no end")));
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().detail == "no end");
  CHECK(from_expected(failed).error().kind == ErrorKind::corrupt);
  CHECK(from_expected(to_expected(Result<void>(success()))).has_value());
#else
  WARN("skipped: this standard library has no std::expected");
#endif
}
