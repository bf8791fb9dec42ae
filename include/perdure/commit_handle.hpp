// SPDX-License-Identifier: BSL-1.0
// The handle of a commit that was left to its group.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/error.hpp>
#include <perdure/procedure.hpp>
#include <perdure/receipt.hpp>

namespace perdure {

namespace detail {
class PostedCommit;
}

/// A commit that AtomicWriter::commit_later left to its group. `wait` returns when the commit is
/// durable, or says why it is not. From any thread; copies are of one commit. A handle may outlive
/// the writer and the group. One that was moved from may be destroyed and assigned to; every other
/// call of it ends the program.
///
/// Without GroupOptions::committer_thread, the first thread that waits for any commit of the group
/// publishes all that wait. A commit whose handles are dropped is made all the same, in the next
/// group. At the latest that is when its writer is destroyed or the group is closed.
///
/// In a forked child, a commit whose outcome was not known at the fork is the parent's: `wait` is
/// ErrorKind::invalid_argument there.
class PERDURE_API CommitHandle {
 public:
  /// Any number of times; an exception of a stage comes back here, too. Each call copies the
  /// outcome, which may throw std::bad_alloc, whatever became of the commit.
  Result<Receipt> wait() const;

  /// The same, but empty if the outcome is not known by `deadline`. Where nobody else leads the
  /// group, this thread does, and may return after the deadline: a commit can't be cut off.
  std::optional<Result<Receipt>> wait_until(std::chrono::steady_clock::time_point deadline) const;
  /// As `wait_until`, `timeout` from now; as `wait` for a timeout beyond the end of the clock.
  std::optional<Result<Receipt>> wait_for(std::chrono::milliseconds timeout) const;

  /// Whether the outcome is known, so that `wait` answers at once. Never waits, publishes nothing.
  [[nodiscard]] bool ready() const;

  /// Calls `done` once the outcome is known: before this call returns if it is known already, else
  /// on the thread that led the group. The next group waits until `done` returns. `done` may wait
  /// for handles, commit, and destroy writer and group. It must neither throw nor fork, and not
  /// wait for a target's lock that a posted commit holds.
  void on_done(Procedure<> done) const;

 private:
  friend class AtomicWriter;
  explicit CommitHandle(std::shared_ptr<detail::PostedCommit> commit) noexcept;

  detail::Held<std::shared_ptr<detail::PostedCommit>> commit_;
};

}  // namespace perdure
