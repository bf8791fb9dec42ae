// SPDX-License-Identifier: BSL-1.0
// The proof's figures, as rows and as the tables of docs/proof.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "mutants.hpp"

namespace perdure::test {

struct ProofRow {
  std::string workload;
  std::string preset;
  testing::Report report;
};

/// Explores these workloads under every preset. `done` is told after each; may be empty.
std::vector<ProofRow> run_proofs(const std::vector<Proof>& proofs,
                                 const std::function<void(const ProofRow&)>& done = {});

struct MutantRow {
  std::string mutant;
  std::string equivalent;
  /// By preset: the oracle that caught it, or the reason why none does; empty if there is none.
  std::vector<std::pair<std::string, std::string>> caught;
  std::vector<std::pair<std::string, std::string>> allowed;
  std::vector<std::string> missed;  // presets
  std::vector<std::string> faults;  // reproducers too long, or that did not replay
};

MutantRow run_mutant(const Mutant& mutant);

void write_proofs(std::ostream& out, const std::vector<ProofRow>& rows);
void write_mutants(std::ostream& out, const std::vector<MutantRow>& rows);

/// Whether this build explores a part only.
bool is_reduced();

}  // namespace perdure::test
