// SPDX-License-Identifier: BSL-1.0
// The state of an application that survives crashes.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <perdure/detail/edit_queue.hpp>
#include <perdure/detail/state_codec.hpp>
#include <perdure/json.hpp>
#include <perdure/migration.hpp>
#include <perdure/save.hpp>
#include <perdure/stamp.hpp>
#include <perdure/state_store.hpp>
#include <perdure/tracker_options.hpp>

namespace perdure {

/// An application's state that survives crashes, and says so.
///
/// The state in memory is never ahead of the disk: an edit runs on a copy, the copy is committed,
/// then it becomes the state. Safe to use from several threads; move-only. Destroying it saves
/// nothing and loses nothing that was acknowledged. Queued edits that nobody waited for are gone
/// with the last handle. Call `flush` first, or set `committer_thread`, whose thread finishes the
/// queue before the destructor returns. The lock of TrackerLock::exclusive is free once the
/// destructor has returned.
///
///     BOOST_OUTCOME_TRY(auto queue, perdure::StateTracker<Queue>::open("queue.json"));
///     BOOST_OUTCOME_TRY(queue.update([](Queue& q) { ++q.next_id; }));
///
/// When a save fails with Fate::unchanged, the state is as it was, in memory and on disk. After
/// every other fate memory keeps the last state that was acknowledged, and saves are refused
/// (ErrorKind::recovery_required) until `reload` has found out which state is on disk.
///
/// It belongs to the process that opened it. In a forked child `state`, `generation` and `report`
/// work; everything else is ErrorKind::invalid_argument, and so is a handle whose outcome was not
/// known at the fork. To drop the child's copy saves nothing and waits for nobody, and leaves its
/// memory.
///
/// One that was moved from may be destroyed and assigned to; every other call of it ends the
/// program.
template <class T, class S = Json<T>>
class StateTracker {
  static_assert(
      StampedSerializer<S, T>,
      "perdure: a tracked state needs a serializer that keeps a generation and a checksum "
      "beside the value: wrap yours as Envelope<Yours>");

 public:
  /// Opens the state in the file `path`, or starts with `defaults`. See `report` for what it found.
  /// A damaged file is set aside, never overwritten. A file that can't be read for another reason
  /// (permissions, an I/O error, a directory there, a newer format) is an error.
  static Result<StateTracker> open(const Path& path, const TrackerOptions& options = {},
                                   S serializer = {}, T defaults = {},
                                   Migrations<S> migrations = {}) {
    BOOST_OUTCOME_TRY(auto store, open_file_store(path, options.file, options.system));
    return open(std::move(store), options, std::move(serializer), std::move(defaults),
                std::move(migrations));
  }

  /// The same over any store.
  static Result<StateTracker> open(std::unique_ptr<StateStore> store,
                                   const TrackerOptions& options = {}, S serializer = {},
                                   T defaults = {}, Migrations<S> migrations = {}) {
    auto codec = std::make_unique<detail::CodecOf<T, S>>(std::move(serializer), std::move(defaults),
                                                         std::move(migrations));
    BOOST_OUTCOME_TRY(auto edits,
                      detail::EditQueue::open(std::move(store), std::move(codec), options));
    return StateTracker(std::move(edits));
  }

  StateTracker(StateTracker&&) noexcept = default;
  StateTracker& operator=(StateTracker&& other) noexcept {
    if (this != &other) {
      if (edits_) edits_.stop();
      edits_ = std::move(other.edits_);
    }
    return *this;
  }
  StateTracker(const StateTracker&) = delete;
  StateTracker& operator=(const StateTracker&) = delete;
  ~StateTracker() {
    if (edits_) edits_.stop();
  }

  /// The last durable state; a snapshot that never changes. Never waits for the disk.
  [[nodiscard]] std::shared_ptr<const T> state() const {
    return std::static_pointer_cast<const T>(edits_.state());
  }
  /// The number of that state.
  [[nodiscard]] std::uint64_t generation() const { return edits_.generation(); }
  /// The finding of `open`, or of the last `reload`.
  [[nodiscard]] OpenReport report() const { return edits_.report(); }

  /// Runs `edit(T&)` on a copy of the state and makes the result durable. `edit` returns nothing or
  /// a value, which comes back with the receipt; or a Result, to call the save off:
  ///
  ///     auto taken = queue.update([](Queue& q) { return q.next_id++; });
  ///     if (taken) use(taken.value().value, taken.value().receipt.generation);
  ///
  /// `edit` may be run more than once (when another edit of the same commit fails), and on another
  /// thread. It must change nothing but its argument; the value is that of the last run. Its
  /// exception is thrown here, and only this edit has failed. Its captures are destroyed before
  /// this returns, maybe on another thread. Their destructors may use the tracker as an edit may:
  /// `state` and `save_later` work, and calls that wait are ErrorKind::invalid_argument.
  template <class F>
  SaveResult<detail::EditValueOf<T, F>> update(F edit) {
    using Outcome = Result<Saved<detail::EditValueOf<T, F>>>;
    const auto may_wait = edits_.check_may_wait();
    if (!may_wait) return Outcome(may_wait.error());
    return save_later(std::move(edit)).take();
  }

  /// Queues the edit; the handle says when it is durable. Edits run in the order in which they were
  /// queued, all that wait on one copy, with one commit. When the commit fails, exactly its edits
  /// fail; later ones run on the last durable state, without them.
  template <class F>
  SaveHandle<detail::EditValueOf<T, F>> save_later(F edit) {
    detail::EditSlot<detail::EditValueOf<T, F>> slot;
    auto pending = edits_.queue(detail::to_edit<T>(std::move(edit), slot));
    return {edits_, std::move(pending), std::move(slot)};
  }

  /// Waits for all edits that were queued up to now. Returns the first error, if there is one.
  Result<void> flush() { return edits_.flush(); }

  /// Whether the store has another state than this tracker, or none: somebody else saved, replaced
  /// or removed it. A look at the file, without a lock. The next save, or `reload`, takes over
  /// another tracker's state.
  Result<bool> changed() { return edits_.changed(); }

  /// Waits until `changed` is true; false when the time is up or `wait.stop` says so. Other threads
  /// may go on using the tracker; its own saves do not count. How soon it returns depends on the
  /// store. A store with a watch (etcd) tells at once, and is looked at every five seconds as well.
  /// Other stores are looked at every 100 ms. `stop` is asked every 20 ms.
  ///
  ///     while (true) {
  ///       BOOST_OUTCOME_TRY(const bool changed, jobs.wait_changed({.stop = shutdown}));
  ///       if (!changed) continue;  // ten seconds, or the shutdown
  ///       BOOST_OUTCOME_TRY(jobs.reload());
  Result<bool> wait_changed(const LockWait& wait) { return edits_.wait_changed(wait); }

  /// Takes the state that is on disk now, whoever wrote it, and makes it durable. Does not read a
  /// state that has not changed. A damaged file is an error here and stays where it is: memory has
  /// the better state. For the same reason a file that somebody removed is a conflict: memory keeps
  /// its state, and `rewrite` commits that.
  Result<void> reload() { return edits_.reload(); }

  /// Commits the state in memory under a new number, also where somebody removed the file. Commits
  /// of other trackers are taken over first; any other change by others is a conflict, and stays.
  Result<void> rewrite() { return edits_.rewrite(); }

  /// The content of the store: previous generations, and states that were set aside.
  Result<StateHistory> history() { return edits_.history(); }

  /// Commits a previous generation again, under a new number.
  Result<void> restore(std::uint64_t number) { return edits_.restore(number); }

 private:
  explicit StateTracker(detail::EditQueue edits) : edits_(std::move(edits)) {}

  detail::EditQueue edits_;
};

}  // namespace perdure
