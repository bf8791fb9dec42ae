// SPDX-License-Identifier: BSL-1.0
// The cost of a save in system calls: those of a writer that expects a version, and three more.
#include <perdure/files.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/coarse.hpp"
#include "support/directory.hpp"
#include "support/trace.hpp"

using namespace perdure;
using namespace perdure::test;
using testing::Operation;

namespace {

/// All calls of a program that saves so many times, without the allocator's: those do not come
/// with every save.
long calls_of_saves(const std::string& who, const TempDirectory& at, int saves) {
  auto counts =
      calls_of({SAVER_PROGRAM, who, at.file(who + std::to_string(saves)), std::to_string(saves)});
  for (const char* name : {"mmap", "munmap", "brk", "madvise"}) counts.erase(name);
  return sum_of(counts);
}

long sum_for_ten(const std::string& who, const TempDirectory& at) {
  return calls_of_saves(who, at, 20) - calls_of_saves(who, at, 10);
}

}  // namespace

TEST_CASE("a save makes at most three system calls more than a writer: counted by strace",
          "[P20][budget]") {
  const TempDirectory at;
  if (const auto why = count_hindrance(); !why.empty()) return skip(why);
  // There both read what was changed within a tick, the one more often than the other.
  if (has_coarse_stamps(at.path().native())) return skip("this file system stamps by the tick");
  const long writer = sum_for_ten("writer", at);
  const long tracker = sum_for_ten("tracker", at);
  CHECK(writer >= 10 * 10);
  CHECK(tracker >= writer);
  CHECK(tracker <= writer + 10 * 3);
}

TEST_CASE("a save makes two syncs and no more, with previous generations and without",
          "[P20][budget]") {
  for (const std::uint32_t kept : {0U, 1U, 3U}) {
    const TempDirectory at(Medium::memory);
    testing::FaultyFileSystem counted(native_file_system());
    auto tracker = CountTracker::open(at.file("s"), {.previous_max = kept,
                                                     .system = {&counted, &native_environment()}})
                       .value();
    for (int i = 0; i < 5; ++i) REQUIRE(tracker.update(increment));
    counted.restart();
    REQUIRE(tracker.update(increment));
    CHECK(counted.calls(Operation::sync_file) == 1);
    CHECK(counted.calls(Operation::sync_directory) == 1);
    CHECK(counted.calls(Operation::list) == 0);
    CHECK(counted.calls(Operation::link) == (kept == 0 ? 0 : 1));
    CHECK(counted.calls(Operation::unlink) == (kept == 0 ? 0 : 1));
  }
}
