// SPDX-License-Identifier: BSL-1.0
// The engine, broken on purpose in every way that a hasty change could break it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lies.hpp"
#include "workloads.hpp"

namespace perdure::test {

struct Mutant {
  std::string name;
  Proof proof;
  testing::Layer layer;  // a file system that lies; may be empty
  /// Presets under which nothing can be found, with the reason: there the mutation breaks nothing.
  std::map<std::string, std::string> allowed;
  /// No bug under any preset; why.
  std::string equivalent;
  unsigned depth = 0;  ///< Crashes within recovery that it takes to see it.
};

/// The proof of that name, run on the file system `T` that lies.
template <class T>
Mutant mutant_on(const std::string& name, const std::string& proof, unsigned depth = 0) {
  Mutant mutant{name, find_proof(proof), lying<T>(), {}, {}};
  mutant.depth = depth;
  return mutant;
}

std::vector<Mutant> all_mutants();

/// The options under which a mutant is searched.
testing::ExploreOptions options_for(const Mutant& mutant, const testing::Preset& preset);

}  // namespace perdure::test
