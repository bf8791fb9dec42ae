// SPDX-License-Identifier: BSL-1.0
// Checks a store of states against the rules of its seam.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/state_store.hpp>

namespace perdure::testing {

/// How check_store comes by the stores that it checks.
struct StoreFactory {
  /// Opens a handle on the state `name`: letters, digits and dashes. One name always leads to the
  /// same state, which outlives its handles. A name that was not used before leads to a state that
  /// nobody has saved. Called from several threads at a time, unless `one_holder`.
  std::function<Result<std::unique_ptr<StateStore>>(const std::string& name)> open;
  /// A state has one handle at a time, as with open_log_store: the rules about several handles are
  /// left out.
  bool one_holder = false;
  /// Makes the answer to the next commit get lost, after the commit was done and whichever handle
  /// makes it. Empty where no answer can get lost: the rule about lost answers is then left out.
  std::function<void()> lose_answer = {};
};

/// How hard check_store tries.
struct StoreCheckOptions {
  unsigned writers = 4;        ///< Handles that count up one state at a time, each by a thread.
  unsigned writer_saves = 25;  ///< Of each of them.
  std::size_t size_max = 1U << 20U;  ///< Bytes of the largest state that is tried.
};

/// The findings of check_store.
struct StoreCheck {
  /// One for each breach, as "RULE: what the store did". Empty: the store keeps every rule that was
  /// checked. A rule that can't go on after a breach ends with it.
  std::vector<std::string> findings;
  std::vector<std::string> checked;   ///< The rules that were checked.
  std::vector<std::string> left_out;  ///< The rules that were not, as "RULE: why".
};

/// Checks every rule of docs/stores.md that a program can see, each over a state of its own, whose
/// name begins with the rule's. Uses no test framework: show `findings` as the failure of a test.
/// Throws what the factory throws. Power cuts and kills are beyond it.
///
///     const auto check = perdure::testing::check_store({.open = open_mine});
///     for (const auto& finding : check.findings) std::cerr << finding << '\n';
///
/// Link perdure::testing; perdure::state has the header of the seam.
PERDURE_TESTING_API StoreCheck check_store(const StoreFactory& factory,
                                           const StoreCheckOptions& options = {});

}  // namespace perdure::testing
