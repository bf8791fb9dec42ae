// SPDX-License-Identifier: BSL-1.0
// Roots that a transaction was killed in.
#pragma once

#include <functional>

#include <perdure/testing/faulty_file_system.hpp>

#include "tree.hpp"

namespace perdure::test {

/// A process that dies before one call: neither that one nor any later one reaches the disk. It is
/// found by its kind. Its number among all calls differs from run to run where the clock ticks
/// slowly, since perdure looks again at files that changed within the tick.
class DyingFileSystem : public testing::FaultyFileSystem {
 public:
  DyingFileSystem(FileSystem& base, testing::Operation operation, std::uint64_t call)
      : testing::FaultyFileSystem(base), operation_(operation), call_(call) {}

 protected:
  void before(testing::Operation operation) override {
    if (operation != operation_ || calls(operation) + 1 != call_) return;
    fail({.operation = {}, .call = calls() + 1, .error = EIO, .from_then_on = true, .count = {}});
  }

 private:
  testing::Operation operation_;
  std::uint64_t call_;
};

/// Runs the sample until the n-th call of `operation` after the journal has its name; nothing works
/// from there on.
inline void crash_in_apply(const fs::path& root, testing::Operation operation, std::uint64_t call) {
  testing::FaultyFileSystem counting(native_file_system());
  {
    const TempDirectory other("/dev/shm");
    Sample::prepare(other.path());
    REQUIRE_OK(Sample::run(other.path(), through(counting)));
  }
  std::uint64_t before = 0;  // calls of the kind until then
  bool committed = false;
  for (const testing::Call& made : counting.log()) {
    committed = committed || (made.operation == testing::Operation::rename && made.name == "j");
    if (!committed && made.operation == operation) ++before;
  }
  REQUIRE(committed);
  DyingFileSystem dying(native_file_system(), operation, before + call);
  const auto receipt = Sample::run(root, through(dying));
  REQUIRE_FALSE(receipt.has_value());
}

/// The second link: one path is in place, the others are not.
inline void crash_half_way(const fs::path& root) {
  Sample::prepare(root);
  crash_in_apply(root, testing::Operation::link, 2);
  REQUIRE(tree_of(root) != Sample::before());
  REQUIRE(tree_of(root) != Sample::after());
}

/// Whether no kernel gives this answer, or it says that somebody else came.
using IsLie = std::function<bool(testing::Operation operation, int error)>;

/// Runs with every call of every operation failing once, in each way that is not a lie. `run` says
/// whether the fault fired.
inline void with_each_fault(const std::function<bool(const testing::Fault&)>& run,
                            const IsLie& is_lie) {
  for (const testing::Operation operation : testing::all_operations()) {
    for (std::uint64_t call = 1;; ++call) {
      bool fired = false;
      for (const int error : testing::errors_of(operation)) {
        if (is_lie(operation, error)) continue;
        INFO(testing::to_string(operation) << " " << call << " " << testing::errno_name(error));
        fired = run({.operation = operation,
                     .call = call,
                     .error = error,
                     .from_then_on = {},
                     .count = {}});
      }
      if (!fired) break;
    }
  }
}

inline std::string step_of(const RecoveryReport& report, const std::string& path) {
  for (const auto& one : report.paths) {
    if (one.path == path) return std::string(to_string(one.step));
  }
  return "(not named)";
}

}  // namespace perdure::test
