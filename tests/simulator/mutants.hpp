// SPDX-License-Identifier: BSL-1.0
// The engine, broken on purpose in every way that a hasty change could break it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "workloads.hpp"

namespace perdure::test {

struct Mutant {
  std::string name;
  Proof proof;
  testing::Layer layer;  // a file system that lies; may be empty
  /// Presets under which nothing can be found, with the reason: there the mutation is no bug.
  std::map<std::string, std::string> allowed;
  /// No bug under any preset; why.
  std::string equivalent;
  unsigned depth = 0;  ///< Crashes within recovery that it takes to see it.
};

std::vector<Mutant> all_mutants();

/// The options under which a mutant is searched.
testing::ExploreOptions options_for(const Mutant& mutant, const testing::Preset& preset);

}  // namespace perdure::test
