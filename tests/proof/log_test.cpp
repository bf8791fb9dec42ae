// SPDX-License-Identifier: BSL-1.0
// The proof by enumeration of roots with a log, in short: `prove run log_` has all of it.
#include "proof_check.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

TEST_CASE("no crash state of any commit through a log breaks an oracle", "[P2][P3][P11][P12]") {
  check_proofs(log_proofs(2'500), 60'000);
}

}  // namespace perdure::test
