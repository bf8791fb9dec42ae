// SPDX-License-Identifier: BSL-1.0
#include <filesystem>

#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::bash;
using perdure::test::run;
using perdure::test::skip;
using perdure::test::TempDirectory;

TEST_CASE("write commits 4 GiB from a pipe in under 32 MiB of memory", "[P20]") {
  if (perdure::test::sanitized) return skip("a sanitizer's own memory would be counted");
  const TempDirectory at;
  constexpr std::uintmax_t gib = std::uintmax_t{1} << 30U;
  const auto space = std::filesystem::space(at.path().native()).available;
  if (space < 6 * gib) {
    skip("needs 6 GiB in " + at.path().native() + ", and there are " + std::to_string(space / gib));
    return;
  }
  // The most memory of bash, head and perdure, so no less than perdure's own: bash counts those
  // that it waited for.
  const auto done = bash(at, "head -c 4G /dev/zero | exec perdure write -q f");
  INFO(done.err);
  CHECK(done.status == 0);
  CHECK(std::filesystem::file_size(at.file("f")) == 4 * gib);
  CHECK(done.resident_max < std::uint64_t{32} << 20U);
  CHECK(done.resident_max > std::uint64_t{1} << 20U);  // it was measured at all
  CHECK(at.names() == std::vector<std::string>{"f"});
}
