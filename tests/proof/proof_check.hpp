// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <iostream>

#include "support/catch.hpp"
#include "tables.hpp"

namespace perdure::test {

/// Runs the proofs under every preset: no violation, and each explored at least a little. In the
/// full run at least `distinct_min` distinct states in all.
inline void check_proofs(const std::vector<Proof>& proofs, std::uint64_t distinct_min) {
  const auto rows = run_proofs(proofs);
  std::uint64_t distinct = 0;
  for (const ProofRow& row : rows) {
    distinct += row.report.distinct;
    INFO(row.workload << " under " << row.preset);
    if (row.report.violation) FAIL_CHECK(row.report.violation->reproducer);
    CHECK(row.report.distinct == row.report.recoveries);
    CHECK(row.report.distinct > 10);
  }
  write_proofs(std::cout, rows);
  if (!is_reduced()) CHECK(distinct >= distinct_min);
}

}  // namespace perdure::test
