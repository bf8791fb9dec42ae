// SPDX-License-Identifier: BSL-1.0
// The proof by enumeration of transactions: a program of its own, to run beside the other.
#include "proof_check.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

TEST_CASE("no crash state of any transaction breaks an oracle", "[P11][P12][P16]") {
  check_proofs(transaction_proofs(), 2'000'000);
}

}  // namespace perdure::test
