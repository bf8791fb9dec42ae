// SPDX-License-Identifier: BSL-1.0
// The memory that the command line takes for a state, which may be anybody's file.
#include <filesystem>

#include "program.hpp"
#include "support/catch.hpp"

using perdure::test::bash;
using perdure::test::command;
using perdure::test::TempDirectory;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
/// The program and its libraries; or the test's own, which the system counts until the exec.
constexpr std::uint64_t own = 64 * mib;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

// 60 MB of [1,1,...] took ten times their size, and any deep state hundreds of times when it was
// shown; the only limit was one of bytes, 4 GiB.
TEST_CASE("a state takes no more memory than the command line says", "[P18][budget]") {
  if (perdure::test::sanitized) return perdure::test::skip("a sanitizer's memory would be counted");
  const TempDirectory at;
  constexpr std::size_t count = std::size_t{1} << 18U;
  // A vector that grows holds its old elements beside the new ones for a moment.
  SECTION("numbers") {
    at.put("s", "[" + repeated("1,", 4 * count) + "1]");
  }
  SECTION("numbers in an object") {
    at.put("s", "{\"a\":[" + repeated("1,", 4 * count) + "1]}");
  }
  SECTION("names") {
    at.put("s", "{" + repeated("\"\":1,", count) + "\"\":1}");
  }
  SECTION("different names") {
    std::string text = "{";
    for (std::size_t i = 0; i <= count; ++i) text += "\"" + std::to_string(i) + "\":1,";
    at.put("s", text + "\"a\":1}");
  }
  SECTION("objects") {
    at.put("s", "{\"a\":[" + repeated("{},", 2 * count) + "{}]}");
  }
  SECTION("a string of escapes") {
    at.put("s", "{\"a\":\"" + repeated("\\n", 4 * count) + "\"}");
  }
  SECTION("short values on a deep level") {
    const std::size_t levels = 250;
    at.put("s", "{\"a\":" + repeated("[", levels) + repeated("1,", count / 2) + "1" +
                    repeated("]", levels) + "}");
  }
  const std::uint64_t size = std::filesystem::file_size(at.file("s"));
  for (const char* call :
       {"verify s", "show s > /dev/null", "show --json s > /dev/null", "set s /b 1", "accept s"}) {
    const auto done = bash(at, std::string("exec perdure state ") + call);
    CAPTURE(call, size, done.err);
    CHECK(done.resident_max < own + 16 * size);
    CHECK(done.resident_max > mib);  // it was measured at all
  }
}

TEST_CASE("a state beyond --memory-max is refused in words, before the memory is taken",
          "[P18][budget]") {
  if (perdure::test::sanitized) return perdure::test::skip("a sanitizer's memory would be counted");
  const TempDirectory at;
  at.put("s", "{\"a\":[" + repeated("1,", 3 * mib) + "1]}");
  at.put("giant", "{}");
  std::filesystem::resize_file(at.file("giant"), std::uintmax_t{6} << 30U);
  for (const char* call : {"verify", "show", "history", "accept"}) {
    const auto refused = command(at, {"state", call, "--memory-max", "64MiB", "--json", "s"});
    CAPTURE(call, refused.out);
    CHECK(refused.status == 1);
    CHECK(nature_of(refused) == "unsupported, unchanged, read the state");
    CHECK_THAT(refused.out, perdure::test::Contains("more than --memory-max (64.0 MiB)"));
    CHECK(refused.resident_max < own + 8 * mib);

    const auto giant = command(at, {"state", call, "--json", "giant"});
    CAPTURE(giant.out);
    CHECK(giant.status == 1);
    CHECK(nature_of(giant) == "unsupported, unchanged, read the file");
    CHECK_THAT(giant.out, perdure::test::Contains("a quarter of --memory-max"));
    CHECK(giant.resident_max < own);
  }
  CHECK(command(at, {"state", "set", "--memory-max", "64MiB", "s", "/a/0", "2"}).status == 1);
  CHECK(command(at, {"state", "set", "--memory-max", "128MiB", "-q", "s", "/a/0", "2"}).status ==
        0);
}

// A previous generation that somebody planted, larger than any memory, is told as damaged.
TEST_CASE("a giant among the previous generations does not keep the history back", "[P18]") {
  const TempDirectory at;
  REQUIRE(command(at, {"state", "set", "s", "/a", "1"}).status == 0);
  at.put(".s.1.perdure-prev", "{}");
  std::filesystem::resize_file(at.file(".s.1.perdure-prev"), std::uintmax_t{6} << 30U);
  const auto history = command(at, {"state", "history", "s"});
  INFO(history.out);
  CHECK(history.status == 0);
  CHECK_THAT(history.out, perdure::test::Contains("damaged: it has 6442450944 bytes"));
}
