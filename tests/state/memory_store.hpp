// SPDX-License-Identifier: BSL-1.0
// A store without files: what the tracker does with one can't depend on paths, and is fast.
#pragma once

#include <memory>

#include <perdure/testing/memory_store.hpp>

namespace perdure::test {

using Memory = testing::StateMemory;

inline std::unique_ptr<StateStore> over(Memory& memory) {
  return std::make_unique<testing::MemoryStore>(memory);
}

}  // namespace perdure::test
