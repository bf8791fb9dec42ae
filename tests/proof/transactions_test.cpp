// SPDX-License-Identifier: BSL-1.0
// The proof by enumeration of transactions, in short: `prove run transaction` has more of it. A
// program of its own, to run beside the other.
#include <algorithm>

#include "proof_check.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

TEST_CASE("no crash state of any transaction breaks an oracle", "[P11][P12][P16]") {
  auto proofs = transaction_proofs();
  for (Proof& proof : proofs) {
    proof.bound = [bound = proof.bound](testing::ExploreOptions& options) {
      if (bound) bound(options);
      options.states_max = std::min<std::size_t>(options.states_max, 20'000);
    };
  }
  check_proofs(proofs, 2'000'000);
}

}  // namespace perdure::test
