// SPDX-License-Identifier: BSL-1.0
// Which thread works on a tracked state, and when: the queue of edits, and the turns.
//
// The life of an edit:
//
//   queue() --> in queue_ --lead()--> in in_flight_ --save()--> done: saved, failed or thrown
//
// The turn, for every use of the state but to read the shown one:
//
//   free --begin(save): lead()--> busy --end()--> free
//   free --begin(other): reload(), rewrite(), restore(), history()--> busy --end()--> free
//
// Invariants whenever mutex_ is free, in the process that opened the state:
//
//   E1  At most one thread has the turn (busy_, worker_). Other threads call state_ only to
//       read the shown state, for is_ours() and failure(), and for release() under mutex_ while the
//       turn is free.
//   E2  An edit is in queue_, or in in_flight_, or done. in_flight_ is empty unless a save has the
//       turn. Edits are saved in the order in which they were queued.
//   E3  `done` is set once. Nobody changes a done edit, so its outcome is read without mutex_.
//   E4  saves_waiting_ counts the threads that wait for edits which are not done.
//   E5  Where saves and other work both wait, they alternate: last_turn_ says whose turn it was. So
//       a stream of saves does not keep a reload waiting, nor the other way round.
//   E6  While committing_ is set, only the committer's thread leads. Otherwise the first waiting
//       thread that may, leads.
//   E7  Code of the user's (edits, destructors) runs without mutex_. On the thread that has the
//       turn, and on the committer's, it can't wait for this tracker: is_nested() refuses.
//   E8  Nobody sleeps forever: each change that a sleeper may wait for wakes all of them.
//
// In a forked child none of this holds, and mutex_ must not be touched: each public call asks
// is_ours().
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include <perdure/detail/edit_queue.hpp>

#include "base/internal.hpp"
#include "base/make_error.hpp"
#include "state/change_wait.hpp"
#include "state/saved_state.hpp"

namespace perdure {
namespace detail {

struct PendingEdit {
  Edit edit;
  bool done = false;
  std::size_t waiters = 0;  ///< Until it is done.
  bool failed = false;      ///< The edit itself; not the commit.
  Result<void> outcome = success();
  std::shared_ptr<const SaveReceipt> receipt{};  ///< Of a save that succeeded.
  std::exception_ptr thrown;
  std::vector<Procedure<>> to_call{};  ///< When it is done.
};

struct PERDURE_LOCAL EditQueue::State final : std::enable_shared_from_this<EditQueue::State> {
 public:
  using Batch = std::vector<std::shared_ptr<PendingEdit>>;

  State(std::unique_ptr<StateStore> store, std::unique_ptr<StateCodec> codec,
        const TrackerOptions& options)
      : state_(std::move(store), std::move(codec), options),
        environment_(*options.system.environment),
        with_committer_(options.committer_thread) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { join(); }

  /// A forked child leaves its copy where it is: to destroy it would wait for threads that are not
  /// there.
  static void dispose(const State* state) {
    if (state->state_.is_ours()) delete state;
  }

  Result<void> start();

  [[nodiscard]] std::shared_ptr<const void> value() const { return state_.value(); }
  [[nodiscard]] OpenReport report() const { return state_.report(); }
  [[nodiscard]] std::uint64_t generation() const { return state_.generation(); }
  std::shared_ptr<PendingEdit> queue(Edit edit);
  Result<void> check_may_wait();
  Result<SaveReceipt> wait(PendingEdit& pending);
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  std::optional<Result<SaveReceipt>> wait_until(PendingEdit& pending, Deadline deadline);
  bool is_done(const PendingEdit& pending);
  void on_done(PendingEdit& pending, Procedure<> done);
  Result<void> flush();
  Result<void> other(Result<void> (SavedState::*work)()) {
    return other_turn<void>([&] { return (state_.*work)(); });
  }
  Result<bool> changed() {
    return other_turn<bool>([&] { return state_.changed(); });
  }
  /// Has the turn only while it looks.
  Result<bool> wait_changed(const LockWait& wait) {
    return wait_for_change([&] { return changed(); }, [&] { return watch(); }, wait, environment_);
  }
  Result<void> restore(std::uint64_t generation) {
    return other_turn<void>([&] { return state_.restore(generation); });
  }
  Result<StateHistory> history() {
    return other_turn<StateHistory>([&] { return state_.history(); });
  }
  void stop();

 private:
  enum class Turn { save, other };

  [[nodiscard]] bool saves_wanted() const {
    return committing_ ? !queue_.empty() : saves_waiting_ > 0;
  }
  [[nodiscard]] bool may_save() const {
    return !busy_ && (others_waiting_ == 0 || last_turn_ == Turn::other);
  }
  [[nodiscard]] bool may_do_other() const {
    return !busy_ && (!saves_wanted() || last_turn_ == Turn::save);
  }
  /// Whether this thread would wait for itself. The committer's thread always would: between its
  /// turns it destroys exceptions of edits, which is the user's code.
  [[nodiscard]] bool is_nested() const {
    const auto self = std::this_thread::get_id();
    return (busy_ && worker_ == self) || (committing_ && committer_id_ == self);
  }
  [[nodiscard]] Error nested() const {
    return state_.failure("wait for the state", ErrorKind::invalid_argument,
                          "an edit, and what it leaves, can't wait for the tracker that runs it");
  }
  std::unique_ptr<StateStore::Watch> watch() {
    auto watch = other_turn<std::unique_ptr<StateStore::Watch>>([&] { return state_.watch(); });
    return watch ? std::move(watch.value()) : nullptr;
  }
  void begin(Turn turn);
  void end();
  template <class T, class Function>
  Result<T> other_turn(Function work);
  bool lead(std::unique_lock<std::mutex>& guard);
  static void call(std::vector<Procedure<>>& wanted) noexcept;
  Result<bool> wait_until_done(PendingEdit& pending, Deadline deadline);
  static Result<SaveReceipt> outcome_of(const PendingEdit& pending);
  EditOutcome edit_copy(void* copy, bool looked);
  void save() noexcept;
  void run_committer();
  void join();

  SavedState state_;
  Environment& environment_;
  const bool with_committer_;
  Batch in_flight_;  // changed under mutex_ by who has the turn

  // Guards the members below, and PendingEdit::done with its outcome. In a forked child it must not
  // be touched: each public call asks is_ours() first.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;
  std::thread::id worker_;
  Turn last_turn_ = Turn::other;
  std::size_t saves_waiting_ = 0;  // waiters of edits that are not done
  std::size_t others_waiting_ = 0;
  bool committing_ = false;  // the committer's thread takes the queue; nobody else does
  std::thread::id committer_id_;
  bool stopping_ = false;
  Batch queue_;
  std::thread committer_;
};

Result<void> EditQueue::State::start() {
  BOOST_OUTCOME_TRY(reading(state_.open()));
  if (!with_committer_) return success();
  committing_ = true;
  try {
    // It keeps this alive, should an edit on that thread destroy the tracker.
    committer_ = std::thread([this, alive = shared_from_this()] { run_committer(); });
  } catch (const std::system_error& error) {
    Error refused = state_.failure("start the committer's thread", ErrorKind::system, {});
    refused.cause = error.code();
    return refused;
  }
  return success();
}

void EditQueue::State::begin(Turn turn) {
  busy_ = true;
  worker_ = std::this_thread::get_id();
  last_turn_ = turn;
}

void EditQueue::State::end() {
  busy_ = false;
  changed_.notify_all();
}

template <class T, class Function>
Result<T> EditQueue::State::other_turn(Function work) {
  if (!state_.is_ours()) return state_.not_ours();
  std::unique_lock guard(mutex_);
  if (is_nested()) return nested();
  ++others_waiting_;
  changed_.wait(guard, [&] { return may_do_other(); });
  --others_waiting_;
  begin(Turn::other);
  guard.unlock();
  Result<T> outcome = work();
  if (!state_.is_ours()) return state_.not_ours();
  guard.lock();
  end();
  return outcome;
}

/// Runs the batch's edits on one copy. If an edit fails on a state that others may have replaced,
/// its failure does not count yet. Otherwise an edit that fails or throws is done at once, and the
/// others run again on a fresh copy.
EditOutcome EditQueue::State::edit_copy(void* copy, bool looked) {
  for (const auto& pending : in_flight_) {
    if (pending->failed) continue;
    std::exception_ptr thrown;
    try {
      pending->outcome = pending->edit(copy);
    } catch (...) {
      thrown = std::current_exception();
    }
    if (pending->outcome && !thrown) continue;
    if (!looked) return EditOutcome::unsure;
    pending->thrown = std::move(thrown);
    pending->failed = true;
    const auto is_left = [](const auto& other) { return !other->failed; };
    return std::any_of(in_flight_.begin(), in_flight_.end(), is_left) ? EditOutcome::again
                                                                      : EditOutcome::nothing;
  }
  return EditOutcome::done;
}

void EditQueue::State::save() noexcept {
  const auto saved = state_.save([&](void* copy, bool looked) { return edit_copy(copy, looked); });
  for (const auto& pending : in_flight_) {
    if (pending->failed) continue;
    if (saved) pending->receipt = state_.receipt();
    try {
      pending->outcome = saved;
    } catch (const std::bad_alloc&) {  // no memory for the words: the facts need none
      pending->outcome = Error{.kind = saved.error().kind,
                               .fate = saved.error().fate,
                               .cause = saved.error().cause,
                               .step = {},
                               .path = {},
                               .detail = {}};
    }
  }
}

/// The users' functions are destroyed without the mutex: a destructor may use the tracker. An edit
/// is destroyed before its save is reported, since it may refer to objects of its caller. Its
/// thread still has the turn then, so a destructor that waits for the tracker gets an error. An
/// edit's exception is destroyed with the batch, if nobody waits for that edit. The functions of
/// on_done are called when the turn is free. False in a child that an edit forked: the mutex is not
/// locked then, and must not be.
bool EditQueue::State::lead(std::unique_lock<std::mutex>& guard) {
  begin(Turn::save);
  in_flight_.swap(queue_);
  guard.unlock();
  save();
  if (!state_.is_ours()) return false;
  for (const auto& pending : in_flight_) pending->edit = nullptr;
  Batch finished;
  guard.lock();
  for (const auto& pending : in_flight_) {
    pending->done = true;
    saves_waiting_ -= std::exchange(pending->waiters, 0);
  }
  finished.swap(in_flight_);
  end();
  guard.unlock();
  for (const auto& pending : finished) call(pending->to_call);
  finished.clear();
  if (!state_.is_ours()) return false;
  guard.lock();
  return true;
}

std::shared_ptr<PendingEdit> EditQueue::State::queue(Edit edit) {
  auto pending = std::make_shared<PendingEdit>();
  if (!state_.is_ours()) {
    pending->outcome = state_.not_ours();
    pending->done = true;
    return pending;
  }
  pending->edit = std::move(edit);
  const std::lock_guard guard(mutex_);
  queue_.push_back(pending);
  if (committing_) changed_.notify_all();
  return pending;
}

Result<void> EditQueue::State::check_may_wait() {
  if (!state_.is_ours()) return state_.not_ours();
  const std::lock_guard guard(mutex_);
  return is_nested() ? Result<void>(nested()) : success();
}

/// False when the time is up.
Result<bool> EditQueue::State::wait_until_done(PendingEdit& pending, Deadline deadline) {
  std::unique_lock guard(mutex_);
  if (pending.done) return true;
  if (is_nested()) return nested();
  ++pending.waiters;
  ++saves_waiting_;
  while (!pending.done) {
    if (!committing_ && may_save()) {
      if (!lead(guard)) return state_.not_ours();
    } else if (!deadline) {
      changed_.wait(guard);
    } else if (changed_.wait_until(guard, *deadline) == std::cv_status::timeout && !pending.done) {
      --pending.waiters;
      --saves_waiting_;
      changed_.notify_all();  // nobody has to wait for saves to end any more
      return false;
    }
  }
  return true;
}

/// Nobody changes a done edit. If memory for the stages is missing, the save still counts as a
/// success.
Result<SaveReceipt> EditQueue::State::outcome_of(const PendingEdit& pending) {
  if (pending.thrown) std::rethrow_exception(pending.thrown);
  BOOST_OUTCOME_TRY(pending.outcome);
  const SaveReceipt& receipt = *pending.receipt;
  SaveReceipt copy{receipt.generation, receipt.bytes, receipt.durability, {}};
  try {
    copy.stages = receipt.stages;
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
  return copy;
}

Result<SaveReceipt> EditQueue::State::wait(PendingEdit& pending) {
  auto outcome = wait_until(pending, std::nullopt);
  return std::move(*outcome);
}

std::optional<Result<SaveReceipt>> EditQueue::State::wait_until(PendingEdit& pending,
                                                                Deadline deadline) {
  if (state_.is_ours()) {
    const auto waited = wait_until_done(pending, deadline);
    if (!waited) return waited.error();
    if (!waited.value()) return std::nullopt;
  } else if (!pending.done) {  // the parent's: it saves it
    return Result<SaveReceipt>(state_.not_ours());
  }
  return outcome_of(pending);
}

bool EditQueue::State::is_done(const PendingEdit& pending) {
  if (!state_.is_ours()) return true;  // of a child's own, or the answer is that it is not
  const std::lock_guard guard(mutex_);
  return pending.done;
}

/// Calls them without a mutex. One that throws ends the program: nobody could handle the exception.
void EditQueue::State::call(std::vector<Procedure<>>& wanted) noexcept {
  for (const auto& done : wanted) done();
  wanted.clear();
}

void EditQueue::State::on_done(PendingEdit& pending, Procedure<> done) {
  if (!done) return;
  if (state_.is_ours()) {
    const std::lock_guard guard(mutex_);
    if (!pending.done) {
      pending.to_call.push_back(std::move(done));
      return;
    }
  }
  std::vector<Procedure<>> now(1, std::move(done));
  call(now);
}

Result<void> EditQueue::State::flush() {
  if (!state_.is_ours()) return state_.not_ours();
  Batch waiting;
  {
    const std::lock_guard guard(mutex_);
    if (is_nested()) return nested();
    waiting = in_flight_;
    waiting.insert(waiting.end(), queue_.begin(), queue_.end());
  }
  Result<void> first = success();
  std::exception_ptr thrown;
  for (const auto& pending : waiting) {
    try {
      auto outcome = wait(*pending);
      if (first && !outcome) first = std::move(outcome).error();
    } catch (...) {
      if (!thrown) thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  return first;
}

void EditQueue::State::run_committer() {
  std::unique_lock guard(mutex_);
  committer_id_ = std::this_thread::get_id();
  while (true) {
    changed_.wait(guard, [&] { return queue_.empty() ? stopping_ : may_save(); });
    if (queue_.empty()) break;
    if (!lead(guard)) return;
  }
  committing_ = false;  // what is queued from now on is committed by those who wait for it
  changed_.notify_all();
}

void EditQueue::State::stop() {
  if (!state_.is_ours()) {
    state_.release();  // to close the child's descriptor leaves the parent's lock
    return;
  }
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  join();
  std::unique_lock guard(mutex_);
  if (is_nested()) return;  // an edit destroys its own tracker
  changed_.wait(guard, [&] { return !busy_; });
  state_.release();
  // Destroyed last: their captures may keep this alive, as a handle of an edit does.
  std::vector<std::vector<Procedure<>>> dropped;
  for (const auto& pending : queue_) dropped.push_back(std::move(pending->to_call));
  guard.unlock();
  dropped.clear();
}

void EditQueue::State::join() {
  if (!committer_.joinable()) return;
  if (committer_.get_id() == std::this_thread::get_id()) {
    committer_.detach();  // an edit destroys its own tracker: the thread ends by itself
  } else {
    committer_.join();
  }
}

Result<EditQueue> EditQueue::open(std::unique_ptr<StateStore> store,
                                  std::unique_ptr<StateCodec> codec,
                                  const TrackerOptions& options) {
  std::shared_ptr<State> state(new State(std::move(store), std::move(codec), options),
                               &State::dispose);
  BOOST_OUTCOME_TRY(state->start());
  return EditQueue(std::move(state));
}

std::shared_ptr<const void> EditQueue::state() const {
  return state_->value();
}
OpenReport EditQueue::report() const {
  return state_->report();
}
std::uint64_t EditQueue::generation() const {
  return state_->generation();
}
std::shared_ptr<PendingEdit> EditQueue::queue(Edit edit) const {
  return state_->queue(std::move(edit));
}
Result<void> EditQueue::check_may_wait() const {
  return state_->check_may_wait();
}
Result<SaveReceipt> EditQueue::wait(PendingEdit& pending) const {
  return state_->wait(pending);
}
std::optional<Result<SaveReceipt>> EditQueue::wait_until(
    PendingEdit& pending, std::chrono::steady_clock::time_point deadline) const {
  return state_->wait_until(pending, deadline);
}
bool EditQueue::is_done(const PendingEdit& pending) const {
  return state_->is_done(pending);
}
void EditQueue::on_done(PendingEdit& pending, Procedure<> done) const {
  state_->on_done(pending, std::move(done));
}
Result<void> EditQueue::flush() const {
  return state_->flush();
}
Result<bool> EditQueue::changed() const {
  return state_->changed();
}
Result<bool> EditQueue::wait_changed(const LockWait& wait) const {
  return state_->wait_changed(wait);
}
Result<void> EditQueue::reload() const {
  return state_->other(&SavedState::reload);
}
Result<void> EditQueue::rewrite() const {
  return state_->other(&SavedState::rewrite);
}
Result<void> EditQueue::restore(std::uint64_t generation) const {
  return state_->restore(generation);
}
Result<StateHistory> EditQueue::history() const {
  return state_->history();
}
void EditQueue::stop() const {
  state_->stop();
}

}  // namespace detail

}  // namespace perdure
