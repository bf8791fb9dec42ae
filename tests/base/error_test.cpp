// SPDX-License-Identifier: BSL-1.0
// Errors as values: made in a line, printed, and thrown when nobody looks.
#include <sstream>

#include <perdure/error.hpp>
#include <perdure/unchecked_error.hpp>

#include "support/catch.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)

namespace {

Error out_of_space() {
  return {.cause = std::make_error_code(std::errc::no_space_on_device),
          .step = "write the new content",
          .path = "queue.json"};
}

}  // namespace

TEST_CASE("the value of a result that has an error is an exception with the error's words") {
  const Result<int> result = out_of_space();
  try {
    (void)result.value();
    FAIL("it returned");
  } catch (const UncheckedError& thrown) {
    CHECK(thrown.what() == out_of_space().message());
    CHECK(thrown.error().cause == std::errc::no_space_on_device);
    CHECK(thrown.error().path == "queue.json");
  }
  const Result<void> none = out_of_space();
  CHECK_THROWS_AS(none.value(), UncheckedError);
  const SysResult<int> seam = std::make_error_code(std::errc::io_error);
  CHECK_THROWS_AS(seam.value(), std::system_error);
}

TEST_CASE("the error of a result that has none is a mistake of the program") {
  const Result<int> result = 5;
  CHECK(result.value() == 5);
  CHECK_THROWS_AS(result.error(), std::logic_error);
}

TEST_CASE("an error prints its message") {
  std::ostringstream out;
  out << out_of_space();
  CHECK(out.str() == out_of_space().message());
  CHECK_THAT(out.str(), test::Contains("'queue.json': could not write the new content"));
}

TEST_CASE("errors of serializers and stages are made in a line") {
  const Error refused = Error::serializer("a job needs a name");
  CHECK(refused.kind == ErrorKind::serializer);
  CHECK(refused.fate == Fate::unchanged);
  CHECK_THAT(refused.message(), test::Contains("could not write the value: a job needs a name"));
  const Error damaged = Error::corrupt("a list has no end");
  CHECK(damaged.kind == ErrorKind::corrupt);
  CHECK_THAT(damaged.message(), test::Contains("could not read the value: a list has no end"));
  CHECK_THAT(damaged.message(), !test::Contains("target"));
  const Error failed =
      Error::system(std::make_error_code(std::errc::timed_out), "copy it to the other host");
  CHECK(failed.kind == ErrorKind::system);
  CHECK_THAT(failed.message(),
             Catch::Matchers::StartsWith("could not copy it to the other host: "));
}
