// SPDX-License-Identifier: BSL-1.0
// The tracker without its type.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <perdure/detail/edit.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/detail/state_codec.hpp>
#include <perdure/error.hpp>
#include <perdure/state_store.hpp>
#include <perdure/tracker_options.hpp>

namespace perdure::detail {

struct PendingEdit;

/// The tracker without its type: the queue of edits, and the turns of those who commit them. Copies
/// share it: the tracker has one, and each handle of a queued edit. False when it was moved from.
class EditQueue {
 public:
  static Result<EditQueue> open(std::unique_ptr<StateStore> store,
                                std::unique_ptr<StateCodec> codec, const TrackerOptions& options);

  explicit operator bool() const noexcept { return bool(state_); }
  [[nodiscard]] std::shared_ptr<const void> state() const;
  [[nodiscard]] OpenReport report() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::shared_ptr<PendingEdit> queue(Edit edit) const;
  Result<void> wait(PendingEdit& pending) const;
  Result<void> flush() const;
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
