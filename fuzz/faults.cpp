// SPDX-License-Identifier: BSL-1.0
// A program whose calls fail or come back short, and which is crashed: the preset, the program, the
// faults, then crash by crash the moment and what is left. All oracles are asked.
#include "crash.hpp"
#include "programs.hpp"

namespace perdure::fuzz {

namespace {

void check(InputBytes input) {
  const testing::Preset& preset = *input.one_of(testing::all_presets());
  const std::size_t kind = input.below(3);
  test::Proof proof = kind == 0   ? files_proof()
                      : kind == 1 ? transactions_proof()
                                  : saves_proof(true);
  proof.workload.actors = {kind == 0   ? files_actor(input)
                           : kind == 1 ? transactions_actor(input)
                                       : saves_actor(input, true)};
  testing::Variant variant;
  variant.faults = faults_of(input, proof, preset, kind != 1);
  crash(proof, preset, std::move(variant), input);
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
