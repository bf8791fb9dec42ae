// SPDX-License-Identifier: BSL-1.0
// All proofs, and how far each is explored.
#include <algorithm>
#include <stdexcept>

#include "lies.hpp"
#include "transaction_workloads.hpp"
#include "workloads.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

bool chooses_protocol(const Preset& preset) {
  return preset.file_system != presets::worst.file_system;
}

Proof whole_proof(Proof proof, const std::string& name) {
  proof.differs_on = nullptr;
  proof.workload.name = name;
  proof.bound = [](ExploreOptions& options) {
    options.layer =
        options.preset->split_rename ? lying<ClaimsToBeSlowBtrfs>() : lying<ClaimsToBeBtrfs>();
    options.depth = 1;
    options.tears_max = 8;
    options.states_max = 20'000;
  };
  return proof;
}

std::vector<Proof> all_proofs() {
  std::vector<Proof> proofs = file_proofs();
  for (Proof& proof : transaction_proofs()) proofs.push_back(std::move(proof));
  for (Proof& proof : log_proofs()) proofs.push_back(std::move(proof));
  return proofs;
}

Proof find_proof(const std::string& name) {
  for (Proof& proof : all_proofs()) {
    if (proof.workload.name == name) return std::move(proof);
  }
  throw std::invalid_argument("no proof is called " + name);
}

ExploreOptions options_for(const Proof& proof, const Preset& preset) {
  ExploreOptions options;
  options.preset = &preset;
  options.states_max = 60'000;
  if (proof.bound) proof.bound(options);
  if (proof.fault_stride != 0) {
    options.faults = all_faults(proof.workload, preset, proof.fault_stride);
    // "There is no such file" of one that is there, or the reverse: lies that no kernel tells. A
    // program that believes them makes a new file, or no directory, or sees no journal.
    std::erase_if(options.faults, [](const std::vector<Fault>& faults) {
      return std::ranges::any_of(faults, [](const Fault& fault) {
        if (fault.count) return false;
        if (fault.operation == Operation::make_directory) return fault.error == EEXIST;
        return fault.error == ENOENT;
      });
    });
  }
  if (proof.directory_syncs_max != 0 && !preset.ordered) {
    // Where a rename is three steps, the last of them is one too many: the copy of the journal
    // whose name was lost with it is all that there is while the next takes the journal's own.
    const std::uint64_t last = proof.directory_syncs_max - (preset.split_rename ? 1 : 0);
    std::erase_if(options.faults, [&](const std::vector<Fault>& faults) {
      return std::ranges::any_of(faults, [&](const Fault& fault) {
        return fault.operation == Operation::sync_directory && fault.call > last;
      });
    });
  }
  return options;
}

}  // namespace perdure::test
