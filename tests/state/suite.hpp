// SPDX-License-Identifier: BSL-1.0
// The tracker's own suite, over every kind of store. Its cases (suite_test.cpp) are compiled into
// each test program that has kinds to offer, and know nothing of what lies beneath the seam: who
// damages a state, or puts an older copy back, commits other bytes by a handle of his own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <perdure/forwarding_store.hpp>
#include <perdure/state_store.hpp>

#include "count.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

namespace perdure::test {

/// A kind of store, as the suite uses it.
struct StoreKind {
  std::string name;
  /// Opens a handle on a state, by a name of letters, digits and dashes. The state outlives it.
  std::function<Result<std::unique_ptr<StateStore>>(const std::string& state)> open;
  /// One handle at a time: cases of several are left out.
  bool one_holder = false;
};

/// The kinds that this test program has; none where they can't run here, which it has said.
std::vector<StoreKind> store_kinds();

/// A state that no other case has, in one kind of store. It counts the commits that the handles of
/// its trackers make, and has them fail as a case wants.
class SuiteState {
 public:
  explicit SuiteState(const StoreKind& kind);

  /// For a tracker.
  [[nodiscard]] std::unique_ptr<StateStore> open();
  /// As it is. One at a time where the kind has one holder.
  [[nodiscard]] std::unique_ptr<StateStore> plain() const { return kind_.open(name_).value(); }
  [[nodiscard]] CountTracker tracker(const TrackerOptions& options = {}) {
    return CountTracker::open(open(), options).value();
  }
  /// The bytes of the current state.
  [[nodiscard]] Buffer bytes() const { return plain()->load().value()->bytes; }
  /// Somebody else puts these bytes in the place of the current state.
  void replace(Bytes bytes) const;
  /// Somebody else takes the current state away. Its evidence stays, as a state of that number.
  void take_away(std::uint64_t generation) const;
  [[nodiscard]] StateHistory history() const { return plain()->history().value(); }

  unsigned commits = 0;            ///< How many were done.
  std::vector<Error> failures{};   ///< Of the next commits, which do nothing; last first.
  bool lose_answer = false;        ///< The next commit is done, and its answer lost.
  std::function<void()> before{};  ///< Runs before each commit while `disturbed` lasts.
  unsigned disturbed = 0;

 private:
  class Handle;

  StoreKind kind_;
  std::string name_;
};

/// Runs a case over each kind, on a state of its own.
template <class Case>
void over_each_kind(Case run) {
  for (const StoreKind& kind : store_kinds()) {
    DYNAMIC_SECTION("over " << kind.name) {
      SuiteState state(kind);
      run(state);
    }
  }
}

/// The same, of the kinds that several handles may have open.
template <class Case>
void over_each_shared_kind(Case run) {
  for (const StoreKind& kind : store_kinds()) {
    if (kind.one_holder) continue;
    DYNAMIC_SECTION("over " << kind.name) {
      SuiteState state(kind);
      run(state);
    }
  }
}

}  // namespace perdure::test
