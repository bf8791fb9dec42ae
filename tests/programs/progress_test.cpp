// SPDX-License-Identifier: BSL-1.0
#include "common/progress.hpp"

#include <atomic>
#include <sstream>
#include <streambuf>
#include <thread>

#include <perdure/detail/progress_words.hpp>

#include "support/catch.hpp"

using perdure::cli::Progress;
using perdure::detail::words_of_seconds;
using namespace std::chrono_literals;
using Catch::Matchers::EndsWith;

namespace {

const Progress::Time begin{};

/// Counts how often a line was begun anew, from any thread.
struct CountingLines final : std::streambuf {
  std::atomic<int> lines = 0;
  int_type overflow(int_type c) override {
    if (c == '\r') ++lines;
    return traits_type::not_eof(c);
  }
};

}  // namespace

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

TEST_CASE("progress has its part, rate and time left where the size is known") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(300, begin + 500ms);
    progress.advance(100, begin + 2s);
    CHECK(out.str() == "\r40 %, 400 bytes of 1000 bytes, 200 bytes/s, 3 s left");
    progress.advance(600, begin + 2100ms);
    CHECK_THAT(out.str(), EndsWith("\r100 %, 1000 bytes of 1000 bytes, 476 bytes/s        "));
  }
  CHECK(out.str().back() == '\n');
}

TEST_CASE("progress of an input that 64 bits count") {
  std::ostringstream out;
  constexpr std::uint64_t half = std::uint64_t{3} << 40U;
  Progress progress(out, true, 2 * half, begin);
  progress.advance(half, begin + 600s);
  CHECK(out.str() == "\r50 %, 3.0 TiB of 6.0 TiB, 5.1 GiB/s, 10 min left");
}

TEST_CASE("an input that grew is all there, and no more") {
  std::ostringstream out;
  {
    Progress progress(out, true, 1000, begin);
    progress.advance(900, begin + 2s);
    progress.advance(900, begin + 3s);
  }
  CHECK(out.str().find("100 %, 1000 bytes of 1000 bytes, 600 bytes/s") != std::string::npos);
}

TEST_CASE("progress without a size has a count and a rate, five times a second at most") {
  std::ostringstream out;
  {
    Progress progress(out, true, {}, begin, "states");
    progress.advance(1000, begin + 1000ms);
    progress.advance(1000, begin + 1100ms);
    progress.advance(1000, begin + 1250ms);
    CHECK(out.str() == "\r1000 states, 1000/s\r3000 states, 2400/s");
  }
  CHECK(out.str().back() == '\n');
}

// A sync of some GiB takes a minute, and the line stood still as if the program hung.
TEST_CASE("the line of a sync counts its seconds") {
  CountingLines lines;
  std::ostream out(&lines);
  Progress progress(out, true, {}, begin);
  progress.advance(1000, begin + 2s);
  progress.syncing(1ms);
  while (lines.lines < 5) std::this_thread::yield();
}

TEST_CASE("seconds are put in words that promise enough") {
  CHECK(words_of_seconds(0) == "0 s");
  CHECK(words_of_seconds(0.2) == "1 s");
  CHECK(words_of_seconds(119.5) == "120 s");
  CHECK(words_of_seconds(121) == "3 min");
  CHECK(words_of_seconds(7201) == "3 h");
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
