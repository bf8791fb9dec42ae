// SPDX-License-Identifier: BSL-1.0
// Runs the rules of a store, one after the other.
#include <perdure/testing/check_store.hpp>

#include "testing/stores/rule_check.hpp"

namespace perdure::testing {
namespace {

/// Why a rule can't be checked; empty if it can.
std::string_view obstacle(const StoreRule& rule, const StoreFactory& factory) {
  if (rule.needs == StoreRule::Needs::several_handles && factory.one_holder) {
    return "a state has one handle at a time";
  }
  if (rule.needs == StoreRule::Needs::lost_answers && !factory.lose_answer) {
    return "the factory can't lose an answer";
  }
  return {};
}

}  // namespace

StoreCheck check_store(const StoreFactory& factory, const StoreCheckOptions& options) {
  StoreCheck check;
  auto rules = rules_of_one_handle();
  const auto more = rules_of_several_handles();
  rules.insert(rules.end(), more.begin(), more.end());
  for (const auto& rule : rules) {
    RuleCheck state(factory, options, rule.name, check);
    if (const auto why = obstacle(rule, factory); !why.empty()) {
      state.leave_out(why);
    } else {
      rule.check(state);
    }
    if (!state.is_left_out()) check.checked.emplace_back(rule.name);
  }
  return check;
}

}  // namespace perdure::testing
