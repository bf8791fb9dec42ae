// SPDX-License-Identifier: BSL-1.0
// The proof by enumeration of transactions: a program of its own, to run beside the other.
#include <iostream>

#include "support/catch.hpp"
#include "tables.hpp"
#include "transaction_workloads.hpp"

namespace perdure::test {

TEST_CASE("no crash state of any transaction breaks an oracle") {
  const auto rows = run_proofs(transaction_proofs());
  std::uint64_t distinct = 0;
  for (const ProofRow& row : rows) {
    distinct += row.report.distinct;
    INFO(row.workload << " under " << row.preset);
    if (row.report.violation) FAIL_CHECK(row.report.violation->reproducer);
    CHECK(row.report.distinct == row.report.recoveries);
    CHECK(row.report.distinct > 10);
  }
  write_proofs(std::cout, rows);
  if (!is_reduced()) CHECK(distinct >= 2'000'000);
}

}  // namespace perdure::test
