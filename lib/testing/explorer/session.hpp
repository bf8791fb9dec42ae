// SPDX-License-Identifier: BSL-1.0
// The explorer's part of a session.
#pragma once

#include <functional>
#include <mutex>

#include <perdure/testing/session.hpp>

namespace perdure::testing {

struct SessionLock {
  std::mutex mutex;
  /// Called before an event is added.
  std::function<void()> before;
};

struct SessionAccess {
  static void set_case(Session& session, std::size_t number) { session.case_number_ = number; }
  static void watch(Session& session, std::function<void()> before) {
    session.lock_->before = std::move(before);
  }
};

/// Notes the crash. A row of crashes without a call in between counts as the harshest of them.
void add_crash(std::vector<Event>& history, Event::Kind kind);

/// Equal for histories that no oracle can tell apart.
std::uint64_t hash_history(const std::vector<Event>& history);

}  // namespace perdure::testing
