// SPDX-License-Identifier: BSL-1.0
// Finds the newest intact state, and saves the next one.
#include "state/saved_state.hpp"

#include <new>

#include <perdure/detail/caught.hpp>

#include "base/make_error.hpp"

namespace perdure::detail {
/// In a forked child nobody changes the shown state, and the thread that held the mutex does not
/// exist there. So the child takes no lock.
std::unique_lock<std::mutex> SavedState::lock_shown() const {
  return is_ours() ? std::unique_lock(mutex_) : std::unique_lock<std::mutex>();
}

std::shared_ptr<const void> SavedState::value() const {
  const auto guard = lock_shown();
  return shown().value;
}
OpenReport SavedState::report() const {
  const auto guard = lock_shown();
  return shown().report;
}
std::uint64_t SavedState::generation() const {
  const auto guard = lock_shown();
  return shown().stamp.generation;
}

Error SavedState::failure(std::string_view step, ErrorKind kind, std::string detail) const {
  return make_error(step, store_->describe(), kind, std::move(detail));
}

Error SavedState::not_ours() const {
  return failure("use the state", ErrorKind::invalid_argument,
                 "another process opened this tracker: a forked child can't save through it; open "
                 "the state after the fork");
}

Error SavedState::at_path(Error error) const try {
  if (error.path.empty()) error.path = store_->describe();
  return error;
} catch (const std::bad_alloc&) {  // without its path it says enough
  return error;
}

Result<std::unique_ptr<StateStore::Lock>> SavedState::take_lock() {
  if (exclusive_) return std::unique_ptr<StateStore::Lock>();
  if (!store_->limits().needs_lock && options_.lock == TrackerLock::shared) {
    return std::unique_ptr<StateStore::Lock>();  // it would cost more than a commit
  }
  return store_->lock({options_.lock_timeout_ms, options_.stop});
}

Result<void> SavedState::publish(LoadedState state, OpenReport report) {
  if (!is_ours()) return not_ours();  // a migration or a serializer forked
  attempted_max_ = std::max(attempted_max_, state.stamp.generation);
  published_max_ = std::max(published_max_, state.stamp.generation);
  Shown old;  // destroyed outside the lock
  const std::lock_guard guard(mutex_);
  const std::size_t next = 1 - current_;
  shown_[next] = {std::move(state.value), std::move(state.stamp), std::move(report)};
  old = std::move(shown_[current_.exchange(next)]);
  return success();
}

Result<void> SavedState::open() try {
  const std::uint64_t previous_max = store_->limits().previous_max;
  if (options_.previous_max > previous_max) {
    return failure("open the state", ErrorKind::invalid_argument,
                   "it can keep " + std::to_string(previous_max) +
                       " previous generations, and previous_max is " +
                       std::to_string(options_.previous_max));
  }
  BOOST_OUTCOME_TRY(auto lock, take_lock());
  BOOST_OUTCOME_TRY(Found found, find(true));
  stored_ = std::move(found.stored);
  BOOST_OUTCOME_TRY(publish(std::move(found.state), std::move(found.report)));
  if (options_.lock == TrackerLock::exclusive) exclusive_ = std::move(lock);
  return success();
} catch (...) {
  return at_path(caught("open the state"));
}

}  // namespace perdure::detail
