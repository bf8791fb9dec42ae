// SPDX-License-Identifier: BSL-1.0
// The tracker without its type.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <perdure/detail/edit.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/detail/state_codec.hpp>
#include <perdure/error.hpp>
#include <perdure/procedure.hpp>
#include <perdure/receipt.hpp>
#include <perdure/state_store.hpp>
#include <perdure/tracker_options.hpp>

namespace perdure::detail {

struct PendingEdit;

/// The tracker without its type: the queue of edits, and the turns of the threads that commit them.
/// Copies share the queue: the tracker has one, and so has each handle of a queued edit. False when
/// it was moved from.
class PERDURE_STATE_API EditQueue {
 public:
  static Result<EditQueue> open(std::unique_ptr<StateStore> store,
                                std::unique_ptr<StateCodec> codec, const TrackerOptions& options);

  explicit operator bool() const noexcept { return bool(state_); }
  [[nodiscard]] std::shared_ptr<const void> state() const;
  [[nodiscard]] OpenReport report() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::shared_ptr<PendingEdit> queue(Edit edit) const;
  /// An error where `wait` would wait for this thread. Asked before anything is queued that `wait`
  /// would refuse.
  [[nodiscard]] Result<void> check_may_wait() const;
  Result<SaveReceipt> wait(PendingEdit& pending) const;
  /// Empty when the outcome was not known in time.
  std::optional<Result<SaveReceipt>> wait_until(
      PendingEdit& pending, std::chrono::steady_clock::time_point deadline) const;
  [[nodiscard]] bool is_done(const PendingEdit& pending) const;
  void on_done(PendingEdit& pending, Procedure<> done) const;
  Result<void> flush() const;
  Result<bool> changed() const;
  Result<bool> wait_changed(const LockWait& wait) const;
  Result<void> reload() const;
  Result<void> rewrite() const;
  Result<void> restore(std::uint64_t generation) const;
  Result<StateHistory> history() const;
  /// The tracker is gone; handles may still be there.
  void stop() const;

 private:
  struct State;
  explicit EditQueue(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  Held<std::shared_ptr<State>> state_;
};

}  // namespace perdure::detail
