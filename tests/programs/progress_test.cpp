// SPDX-License-Identifier: BSL-1.0
#include "common/progress.hpp"

#include <algorithm>
#include <sstream>

#include "support/catch.hpp"

using perdure::cli::Progress;
using namespace std::chrono_literals;

namespace {
const Progress::Time begin{};
}

TEST_CASE("what takes less than a second shows nothing") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(500, begin + 10ms);
    progress.advance(500, begin + 999ms);
    progress.syncing();
  }
  CHECK(out.str().empty());
}

TEST_CASE("a bar where the size is known, complete at its end") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(300, begin + 500ms);
    progress.advance(200, begin + 1500ms);
    const std::string half = out.str();
    CHECK_THAT(half, Catch::Matchers::StartsWith("0%   10   20"));
    CHECK(std::count(half.begin(), half.end(), '*') == 25);
    progress.advance(500, begin + 1600ms);
    progress.syncing();
  }
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '*') == 51);
  CHECK_THAT(text, Catch::Matchers::EndsWith("*\nsyncing 1000 bytes to the disk\n"));
}

TEST_CASE("a bar of an input that 32 bits do not count is half when half is done") {
  std::ostringstream out;
  constexpr std::uint64_t half = std::uint64_t{3} << 30U;
  Progress progress(out, true, 2 * half, begin);
  progress.advance(half, begin + 2s);
  const std::string drawn = out.str();
  CHECK(std::count(drawn.begin(), drawn.end(), '*') == 25);
  progress.advance(half, begin + 3s);
  const std::string all = out.str();
  CHECK(std::count(all.begin(), all.end(), '*') == 51);
}

TEST_CASE("an input that grew draws no further than the end of the bar") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(900, begin + 2s);
    progress.advance(900, begin + 3s);
    progress.advance(900, begin + 4s);
  }
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '*') == 51);
}

TEST_CASE("an input that ended early leaves the cursor on a line of its own") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(100, begin + 2s);
  }
  CHECK(out.str().back() == '\n');
}

TEST_CASE("one line with a count where the size is not known, five times a second at most") {
  std::ostringstream out;
  {
    Progress progress(out, true, {}, begin);
    progress.advance(1000, begin + 1000ms);
    progress.advance(1000, begin + 1100ms);
    progress.advance(1000, begin + 1250ms);
    CHECK(out.str() == "\r1000 bytes read   \r3000 bytes read   ");
  }
  CHECK(out.str().back() == '\n');
}

TEST_CASE("nothing at all unless shown") {
  std::ostringstream out;
  {
    Progress progress(out, false, {}, begin);
    progress.advance(1000, begin + 5s);
    progress.syncing();
  }
  CHECK(out.str().empty());
}
