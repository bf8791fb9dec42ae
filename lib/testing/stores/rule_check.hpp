// SPDX-License-Identifier: BSL-1.0
// One rule of a store that is being checked, and the findings about it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/testing/check_store.hpp>

namespace perdure::testing {

/// Bytes that no other seed has; they begin with a zero byte where there is room.
Buffer content_of(std::uint64_t seed, std::size_t size = 64);

/// Whether it is this content under a revision of its own.
bool is_content(const std::optional<StoredState>& stored, Bytes content);

/// The state of one rule. A call that fails where it must not is a finding, and returns an empty
/// optional.
class RuleCheck {
 public:
  RuleCheck(const StoreFactory& from, const StoreCheckOptions& how, std::string_view rule,
            StoreCheck& check)
      : options(how), rule_(rule), factory_(from), check_(check) {}

  /// A finding if it is false.
  bool expect(bool holds, std::string_view words);
  template <class T>
  std::optional<T> got(Result<T> result, std::string_view act) {
    if (result) return std::optional<T>(std::move(result.value()));
    failed(act, result.error());
    return std::nullopt;
  }

  /// The rule can't be checked, and the check says why.
  void leave_out(std::string_view why);
  [[nodiscard]] bool is_left_out() const noexcept { return left_out_; }
  void lose_answer() const { factory_.lose_answer(); }

  /// A handle on the rule's state.
  std::unique_ptr<StateStore> open();
  /// The same, of any thread, and without a finding.
  [[nodiscard]] Result<std::unique_ptr<StateStore>> open_quietly() const;
  /// Commits, and checks that the state is in place under the revision of the receipt.
  std::optional<Revision> save(StateStore& store, StateDraft draft);
  /// Commits `count` states, from 1 on, each with the one before kept under its number.
  std::optional<Revision> save_generations(StateStore& store, std::uint64_t count);
  /// Commits content 99, which must be refused as a conflict that changes nothing.
  void expect_conflict(StateStore& store, const Revision& expected, std::string_view whose);
  /// Checks that the current state is this content, and has this revision if one is given.
  bool expect_current(StateStore& store, Bytes content, std::string_view when,
                      const Revision* revision = nullptr);
  bool expect_absent(StateStore& store, std::string_view when);
  bool expect_previous(StateStore& store, std::uint64_t generation, Bytes content);
  std::optional<StateHistory> expect_history(StateStore& store,
                                             const std::vector<std::uint64_t>& previous,
                                             std::size_t damaged);

  const StoreCheckOptions& options;

 private:
  void failed(std::string_view act, const Error& error);

  std::string_view rule_;
  const StoreFactory& factory_;
  StoreCheck& check_;
  bool left_out_ = false;
};

/// A rule, and how it is checked.
struct StoreRule {
  enum class Needs { nothing, several_handles, lost_answers };

  std::string_view name;
  void (*check)(RuleCheck& rule);
  Needs needs = Needs::nothing;
};

/// The rules that one handle after the other can check, and those for several at a time.
std::vector<StoreRule> rules_of_one_handle();
std::vector<StoreRule> rules_of_several_handles();

}  // namespace perdure::testing
