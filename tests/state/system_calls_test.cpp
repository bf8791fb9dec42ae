// SPDX-License-Identifier: BSL-1.0
// What a save costs in system calls: those of a writer that expects a version, and three more.
#include <map>
#include <sstream>

#include <perdure/files.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "place.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"

using namespace perdure;
using namespace perdure::test;
using testing::Operation;

namespace {

/// Why calls can't be counted here; empty when they can.
std::string hindrance() {
  if (sanitized) return "sanitizers make system calls of their own";
  const auto tried = run({"strace", "-f", "-qq", "-o", "/dev/null", "true"});
  if (tried.status == 127) return "strace is not installed";
  if (tried.status != 0) return "strace is not permitted: " + tried.output;
  return {};
}

/// All calls of a program that saves so many times, as strace sees them, by name.
std::map<std::string, long> calls_of(const std::string& who, const Place& at, int saves) {
  const std::string trace = at / (who + ".trace");
  const auto ran = run({"strace", "-f", "-qq", "-o", trace, SAVER_PROGRAM, who,
                        at / (who + std::to_string(saves)), std::to_string(saves)});
  INFO(who << ": " << ran.output);
  REQUIRE(ran.status == 0);
  std::map<std::string, long> counts;
  std::istringstream lines(at.get(who + ".trace"));
  for (std::string line; std::getline(lines, line);) {
    const auto name = line.find_first_not_of("0123456789 ");
    const auto end = line.find('(');
    if (name != line.npos && end != line.npos && name < end) {
      ++counts[line.substr(name, end - name)];
    }
  }
  return counts;
}

long sum_for_ten(const std::string& who, const Place& at) {
  const auto few = calls_of(who, at, 10);
  const auto many = calls_of(who, at, 20);
  long sum = 0;
  for (const auto& [name, count] : many) {
    const auto found = few.find(name);
    const long more = count - (found == few.end() ? 0 : found->second);
    // Memory is the allocator's business: its calls do not come with every save.
    if (name == "mmap" || name == "munmap" || name == "brk" || name == "madvise") continue;
    sum += more;
  }
  return sum;
}

}  // namespace

TEST_CASE("a save makes at most three system calls more than a writer: counted by strace",
          "[P20][budget]") {
  const Place at(Place::On::disk);
  if (const auto why = hindrance(); !why.empty()) return skip(why);
  const long writer = sum_for_ten("writer", at);
  const long tracker = sum_for_ten("tracker", at);
  CHECK(writer >= 10 * 10);
  CHECK(tracker >= writer);
  CHECK(tracker <= writer + 10 * 3);
}

TEST_CASE("a save makes two syncs and no more, with previous generations and without",
          "[P20][budget]") {
  for (const std::uint32_t kept : {0U, 1U, 3U}) {
    const Place at;
    testing::FaultyFileSystem counted(native_file_system());
    auto tracker = CountTracker::open(at / "s", {.previous_max = kept,
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
