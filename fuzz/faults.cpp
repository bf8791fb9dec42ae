// SPDX-License-Identifier: BSL-1.0
// A program whose calls fail or come back short, and which is crashed: the preset, the program, the
// faults, then crash by crash the moment and what is left. All oracles are asked.
#include "crash.hpp"
#include "programs.hpp"

namespace perdure::fuzz {

namespace {

void check(Feed feed) {
  const testing::Preset& preset = *feed.one_of(testing::all_presets());
  const std::size_t kind = feed.below(3);
  test::Proof proof = kind == 0   ? files_proof()
                      : kind == 1 ? transactions_proof()
                                  : saves_proof(true);
  proof.workload.actors = {kind == 0   ? files_actor(feed)
                           : kind == 1 ? transactions_actor(feed)
                                       : saves_actor(feed, true)};
  testing::Variant variant;
  variant.faults = faults_of(feed, proof, preset, kind != 1);
  crash(proof, preset, std::move(variant), feed);
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::Feed(data, size));
  return 0;
}
