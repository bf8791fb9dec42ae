// SPDX-License-Identifier: BSL-1.0
// The proof by enumeration: every workload, under every preset, crashed in every way; and the
// mutants, which show that the proof would have noticed.
#include "proof_check.hpp"

namespace perdure::test {

TEST_CASE("no crash state of any workload breaks an oracle", "[P1][P2][P3][P9][P10][P13][P16]") {
  check_proofs(file_proofs(), 1'000'000);
}

TEST_CASE("every mutant is caught, and each reproducer is short and replays", "[P2][P3]") {
  const auto mutants = all_mutants();
  CHECK(mutants.size() >= 25);
  std::size_t caught = 0;
  for (const Mutant& mutant : mutants) {
    INFO(mutant.name);
    const MutantRow row = run_mutant(mutant);
    for (const std::string& preset : row.missed) FAIL_CHECK("passes under " << preset);
    for (const std::string& fault : row.faults) FAIL_CHECK(fault);
    if (mutant.equivalent.empty()) {
      CHECK_FALSE(row.caught.empty());
      ++caught;
    } else {
      CHECK(row.caught.empty());  // otherwise it is not an equivalent, and the list is wrong
    }
    for (const auto& [preset, reason] : mutant.allowed) {
      const auto really =
          std::ranges::find(row.caught, preset, &std::pair<std::string, std::string>::first);
      INFO(preset << " is said to allow it: " << reason);
      CHECK(really == row.caught.end());
    }
  }
  CHECK(caught >= 25);
}

}  // namespace perdure::test
