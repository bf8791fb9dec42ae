// SPDX-License-Identifier: BSL-1.0
// System calls of a program, watched and made to fail from outside by strace(1).
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/program.hpp"

namespace perdure::test {

/// Why strace can't be used here (not installed, no ptrace, below another tracer); empty if it can.
inline std::string trace_hindrance() {
  if (emulated) return "strace would see the calls of the emulator";
  const auto tried = run({"strace", "-f", "-qq", "-o", "/dev/null", "true"});
  if (tried.status == 127) return "strace is not installed";
  return tried.status == 0 ? "" : "strace is not permitted: " + tried.said();
}

/// False, and the test reported as skipped, where strace can't be used.
inline bool strace_works() {
  const auto why = trace_hindrance();
  if (!why.empty()) skip(why);
  return why.empty();
}

/// Why system calls can't be counted here; empty if they can.
inline std::string count_hindrance() {
  return sanitized ? "sanitizers make system calls of their own" : trace_hindrance();
}

/// A command line that runs `arguments` below strace with these options.
inline std::vector<std::string> traced(const std::vector<std::string>& options,
                                       const std::vector<std::string>& arguments) {
  // The leak checker of the address sanitizer can't work below a tracer.
  std::vector<std::string> all = {"strace", "-E", "ASAN_OPTIONS=detect_leaks=0"};
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

using CallCounts = std::map<std::string, long>;

/// Runs a program with all that it starts, and counts each system call by name. It counts the lines
/// of the log: strace's own table (-c) leaves out calls that are newer than strace is.
inline CallCounts calls_of(const std::vector<std::string>& arguments) {
  const TempDirectory notes;
  const auto ran = run(traced({"-f", "-qq", "-o", notes.file("log")}, arguments));
  INFO(ran.said());
  REQUIRE(ran.status == 0);
  CallCounts counts;
  std::istringstream lines(notes.get("log"));
  for (std::string line; std::getline(lines, line);) {
    const auto name = line.find_first_not_of("0123456789 ");  // behind the process's number
    if (name == line.npos) continue;
    const bool event = line.compare(name, 3, "+++") == 0 || line.compare(name, 3, "---") == 0;
    const bool second_half = line.compare(name, 4, "<...") == 0;
    if (!event && !second_half) ++counts[line.substr(name, line.find('(') - name)];
  }
  counts.erase("clock_gettime");  // a call where no clock can be read without one: in emulators
  REQUIRE(!counts.empty());
  return counts;
}

inline long sum_of(const CallCounts& counts) {
  long sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

}  // namespace perdure::test
