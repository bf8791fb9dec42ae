// SPDX-License-Identifier: BSL-1.0
// The outcome of an edit of a tracked state: what it returned, its receipt, and a handle to both.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <perdure/detail/deadline.hpp>
#include <perdure/detail/edit.hpp>
#include <perdure/detail/edit_queue.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/error.hpp>
#include <perdure/procedure.hpp>
#include <perdure/receipt.hpp>

namespace perdure {

/// The result of a saved edit: the value of its run that was committed, and the receipt of that
/// commit.
template <class R>
struct Saved {
  R value;              ///< The edit's own.
  SaveReceipt receipt;  ///< Of the commit; other edits may share it.
};
template <>
/// The same of an edit that returns nothing.
struct Saved<void> {
  SaveReceipt receipt;  ///< Of the commit; other edits may share it.
};

/// The outcome of an edit: a Result. Of an edit that has no value it also becomes a Result<void>,
/// for functions that return one and do without the receipt.
template <class R>
class [[nodiscard]] SaveResult : public Result<Saved<R>> {
 public:
  using Result<Saved<R>>::Result;
  /// Takes a value or an error over.
  SaveResult(Result<Saved<R>> of)  // NOLINT(google-explicit-constructor)
      : Result<Saved<R>>(std::move(of)) {}

  /// Success without the receipt, or the error.
  operator Result<void>() const requires std::is_void_v<R> {  // NOLINT(google-explicit-constructor)
    if (this->has_value()) return success();
    return this->error();
  }
};

/// An edit that was queued. `wait` returns when the edit is durable, or says why it is not. The
/// first thread that waits commits all that is queued. From any thread; copies are of one edit. A
/// handle may outlive the tracker, but not the System that the tracker was given. A commit without
/// the tracker takes the lock for itself alone. One that was moved from may be destroyed and
/// assigned to; every other call of it ends the program.
template <class R = void>
class SaveHandle {
 public:
  /// For StateTracker::save_later, which makes all handles.
  SaveHandle(detail::EditQueue edits, std::shared_ptr<detail::PendingEdit> pending,
             detail::EditSlot<R> slot)
      : edits_(std::move(edits)), pending_(std::move(pending)), slot_(std::move(slot)) {}

  /// The edit's own error or exception comes back here, too. Any number of times. Not within an
  /// edit of the same tracker (ErrorKind::invalid_argument): the edit would wait for itself. Each
  /// call copies the value, which may throw, whatever became of the save.
  SaveResult<R> wait() const { return saved(edits_.wait(*pending_)); }

  /// The same, but empty if the outcome is not known by `deadline`. Where nobody else commits the
  /// edit, this thread does, and may return after the deadline: a commit can't be cut off.
  std::optional<SaveResult<R>> wait_until(std::chrono::steady_clock::time_point deadline) const {
    auto outcome = edits_.wait_until(*pending_, deadline);
    if (!outcome) return std::nullopt;
    return saved(std::move(*outcome));
  }
  /// As `wait_until`, `timeout` from now; as `wait` for a timeout beyond the end of the clock.
  std::optional<SaveResult<R>> wait_for(std::chrono::milliseconds timeout) const {
    const auto deadline = detail::deadline_in(timeout);
    return deadline ? wait_until(*deadline) : wait();
  }

  /// Whether the outcome is known, so that `wait` answers at once. Never waits, commits nothing.
  [[nodiscard]] bool ready() const { return edits_.is_done(*pending_); }

  /// Calls `done` once the outcome is known: before this call returns if it is known already, else
  /// on the thread that committed the edit. Without a thread that waits, only
  /// TrackerOptions::committer_thread commits the edit. `done` may use the tracker, but not wait
  /// for it on the committer's thread. It must neither throw nor fork. It is destroyed without
  /// having run if the edit was not committed when the tracker is destroyed.
  void on_done(Procedure<> done) const { edits_.on_done(*pending_, std::move(done)); }

 private:
  template <class T, class S>
  friend class StateTracker;

  /// As `wait`, for the only one who waits: the value is moved.
  SaveResult<R> take() {
    auto outcome = edits_.wait(*pending_);
    if constexpr (std::is_void_v<R>) {
      return saved(std::move(outcome));
    } else {
      if (!outcome) return Result<Saved<R>>(std::move(outcome.error()));
      return Result<Saved<R>>(Saved<R>{std::move(**slot_.value), std::move(outcome.value())});
    }
  }
  SaveResult<R> saved(Result<SaveReceipt> outcome) const {
    if (!outcome) return Result<Saved<R>>(std::move(outcome.error()));
    if constexpr (std::is_void_v<R>) {
      return Result<Saved<R>>(Saved<R>{std::move(outcome.value())});
    } else {
      return Result<Saved<R>>(Saved<R>{**slot_.value, std::move(outcome.value())});
    }
  }

  detail::EditQueue edits_;
  detail::Held<std::shared_ptr<detail::PendingEdit>> pending_;
  detail::EditSlot<R> slot_;
};

}  // namespace perdure
