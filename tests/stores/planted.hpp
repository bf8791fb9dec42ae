// SPDX-License-Identifier: BSL-1.0
// Stores in memory by name, and doubles of them that break one rule of the seam each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <perdure/testing/check_store.hpp>
#include <perdure/testing/memory_store.hpp>

namespace perdure::test {

/// Puts a double in front of a handle on this memory.
using Plant = std::function<std::unique_ptr<StateStore>(testing::StateMemory&)>;

/// States in memory, each by its name.
class Memories {
 public:
  /// Without a plant the handles are what they should be.
  [[nodiscard]] testing::StoreFactory factory(const Plant& plant = {}) {
    return {.open = [this, plant](const std::string& name) -> Result<std::unique_ptr<StateStore>> {
              testing::StateMemory& memory = at(name);
              if (plant) return plant(memory);
              return std::make_unique<testing::MemoryStore>(memory);
            },
            .lose_answer = [this] { lose_answer(); }};
  }

 private:
  testing::StateMemory& at(const std::string& name) {
    const std::lock_guard guard(mutex_);
    const auto [found, is_new] = memories_.try_emplace(name);
    if (is_new) found->second.size_max = 50'000;
    return found->second;
  }
  void lose_answer() {
    const std::lock_guard guard(mutex_);
    for (auto& [name, memory] : memories_) memory.lose_answer = true;
  }

  std::mutex mutex_;
  std::map<std::string, testing::StateMemory> memories_;
};

/// A breach that is planted, and the rule under which it has to be found.
struct PlantedBreach {
  std::string name;
  Plant plant;
  std::string rule;
};
std::vector<PlantedBreach> planted_breaches();

}  // namespace perdure::test
