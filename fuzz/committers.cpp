// SPDX-License-Identifier: BSL-1.0
// Two or three programs on one disk, interleaved call by call as the input says, with calls that
// fail, and crashed.
#include "crash.hpp"
#include "programs.hpp"

namespace perdure::fuzz {

namespace {

/// The proofs' workloads with more than one actor: counters, keepers, writers and cleaners.
const std::vector<test::Proof>& concurrent_proofs() {
  static const std::vector<test::Proof> proofs = [] {
    std::vector<test::Proof> all = test::all_proofs();
    std::erase_if(all, [](const test::Proof& p) { return p.workload.actors.size() < 2; });
    return all;
  }();
  return proofs;
}

test::Proof program(InputBytes& input, std::size_t kind) {
  if (kind == 0) return input.one_of(concurrent_proofs());
  test::Proof proof = kind == 1   ? files_proof()
                      : kind == 2 ? transactions_proof()
                                  : saves_proof(false);
  for (std::size_t actors = 2 + input.below(2); actors-- > 0;) {
    proof.workload.actors.push_back(kind == 1   ? files_actor(input, actors)
                                    : kind == 2 ? transactions_actor(input)
                                                : saves_actor(input, false));
  }
  return proof;
}

void check(InputBytes input) {
  const testing::Preset& preset = *input.one_of(testing::all_presets());
  const std::size_t kind = input.below(4);
  testing::Variant variant;
  for (std::size_t turns = input.below(8); turns > 0; --turns) {
    variant.schedule.push_back(input.below(48));
  }
  const test::Proof proof = program(input, kind);
  // The proofs take a failure without a fault for a finding, and know of none.
  if (kind != 0) variant.faults = faults_of(input, proof, preset, kind != 2);
  crash(proof, preset, std::move(variant), input);
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
