// SPDX-License-Identifier: BSL-1.0
// A file system whose faults come from the environment, so that a test in any language sets them.
#pragma once

#include <cstdlib>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <perdure/system/native.hpp>
#include <perdure/testing/faulty_file_system.hpp>

namespace perdure::test {

/// The variable that has the fault: "OPERATION CALL ERROR", as in "sync_directory 1 EIO". CALL
/// counts from when the variable got this value. Unset or empty: nothing fails.
inline constexpr const char* fault_variable = "PERDURE_TEST_FAULT";

/// The native file system, with the fault that the environment asks for.
class SteeredFileSystem final : public testing::FaultyFileSystem {
 public:
  SteeredFileSystem() : FaultyFileSystem(native_file_system()) {}

 protected:
  void before(testing::Operation /*operation*/) override {
    const char* const set = std::getenv(fault_variable);
    const std::string_view asked = set == nullptr ? "" : set;
    const std::lock_guard guard(mutex_);
    if (asked == asked_) return;
    asked_ = asked;
    heal();
    restart();
    if (!asked.empty()) fail(parsed(asked_));
  }

 private:
  static testing::Fault parsed(const std::string& text) {
    std::istringstream words(text);
    std::string operation;
    std::string error;
    testing::Fault fault;
    words >> operation >> fault.call >> error;
    fault.operation = testing::parse_operation(operation);
    fault.error = number_of(error);
    if (!words || !fault.operation || fault.error == 0) std::abort();  // a mistake in the table
    return fault;
  }
  static int number_of(std::string_view name) {
    constexpr int errors_max = 200;
    for (int error = 1; error < errors_max; ++error) {
      if (testing::errno_name(error) == name) return error;
    }
    return 0;
  }

  std::mutex mutex_;
  std::string asked_;
};

/// The one of this process. Lives until the program ends.
inline System steered_system() noexcept {
  static SteeredFileSystem files;
  return {&files, &native_environment(), nullptr};
}

}  // namespace perdure::test
