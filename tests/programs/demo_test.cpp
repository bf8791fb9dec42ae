// SPDX-License-Identifier: BSL-1.0
#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::run;
using perdure::test::TempDirectory;

TEST_CASE("the kill demo finds no corrupt file of perdure's", "[P1]") {
  const TempDirectory at;
  const auto done =
      run({KILL_DEMO, at.path().native(), "--kills", "40", "--seed", "7", "--seconds-max", "300"});
  INFO(done.said());
  CHECK(done.status == 0);
  CHECK_THAT(done.out, perdure::test::Contains("a perdure writer: killed 40 times") &&
                           perdure::test::Contains("all removed by clean: yes"));
}
