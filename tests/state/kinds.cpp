// SPDX-License-Identifier: BSL-1.0
// The kinds of stores on one machine, for the tracker's suite.
#include <filesystem>
#include <map>

#include <perdure/testing/memory_store.hpp>

#include "suite.hpp"
#include "support/directory.hpp"

namespace perdure::test {

std::vector<StoreKind> store_kinds() {
  static std::map<std::string, testing::StateMemory> memories;
  static const TempDirectory at(Medium::memory);
  const auto in_memory = [](const std::string& state) -> Result<std::unique_ptr<StateStore>> {
    return std::make_unique<testing::MemoryStore>(memories[state]);
  };
  const auto in_file = [](const std::string& state) { return open_file_store(at.file(state)); };
  const auto in_log = [](const std::string& state) {
    std::filesystem::create_directory(at.file(state + "-root"));
    return open_log_store(at.file(state + "-root/state"));
  };
  return {{.name = "memory", .open = in_memory},
          {.name = "a file", .open = in_file},
          {.name = "the log of a root", .open = in_log, .one_holder = true}};
}

}  // namespace perdure::test
