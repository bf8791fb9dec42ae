// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <perdure/detail/caught.hpp>
#include <perdure/json.hpp>
#include <perdure/migration.hpp>
#include <perdure/procedure.hpp>
#include <perdure/stamp.hpp>
#include <perdure/state_store.hpp>

namespace perdure {

/// Where the state came from that a tracker began with.
enum class Origin {
  current,   ///< The state that was committed last.
  previous,  ///< An earlier generation: the current one was missing or damaged.
  replaced,  ///< The state that is there, and it is not the one that was committed last: somebody
             ///< put another copy in its place, an older one most likely.
  defaults,  ///< Nothing was there that could be used.
};
[[nodiscard]] std::string_view to_string(Origin origin) noexcept;

/// What `open` or `reload` found.
struct OpenReport {
  Origin origin = Origin::defaults;
  std::uint64_t generation = 0;  ///< Of the state that was taken; 0 for defaults.
  StampTime last_updated{};      ///< When that generation was made; zero if the file does not say.
  /// Why it is not the current one, or what was accepted about it; empty if all is well.
  std::string reason;
  std::string set_aside;  ///< Where the damaged file is kept as evidence; empty if none was.
};

/// Who else may save the same state.
enum class TrackerLock {
  shared,     ///< Anyone with a tracker: the lock is taken for each save, and a save that another
              ///< tracker overtook is made again on top of what that one left.
  exclusive,  ///< Nobody: the lock is held as long as the tracker lives.
};

/// What to do with a current state that fails its own check: damaged, or edited by hand without
/// taking the stamp out. Which of the two it is nobody can tell.
enum class DamagePolicy {
  set_aside,    ///< Move it out of the way, as evidence, and go on with the previous generation.
  refuse,       ///< ErrorKind::corrupt; nothing is touched.
  accept_edit,  ///< Take it at its word if it can be read at all; the next save gives it a stamp.
};

struct TrackerOptions {
  TrackerLock lock = TrackerLock::shared;
  /// How long to wait for the lock. 0 refuses at once; `milliseconds::max()` waits for ever.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// How many previous generations to keep beside the current one.
  std::uint32_t previous_max = 1;
  /// Commit what `save_later` queued on a thread of the tracker's own, as soon as it can.
  bool committer_thread = false;
  /// `reload` never sets aside: it refuses instead, since memory has a better state.
  DamagePolicy damage = DamagePolicy::set_aside;
  FileStoreOptions file = {};
  /// Gives the time for `last_updated`, and the files for a tracker that is opened by path.
  System system = native_system();
};

namespace detail {

/// A state whose type only the codec knows.
struct LoadedState {
  std::shared_ptr<const void> value;
  Stamp stamp;
  bool stamped = false;
};

/// What the tracker has to know of `T` and its serializer. What those throw comes as an error.
class StateCodec {
 public:
  StateCodec() = default;
  StateCodec(const StateCodec&) = delete;
  StateCodec& operator=(const StateCodec&) = delete;
  virtual ~StateCodec() = default;
  [[nodiscard]] virtual Result<LoadedState> load(Bytes bytes) const = 0;
  /// As `load`, but a stamp that does not fit is no error.
  [[nodiscard]] virtual Result<LoadedState> load_edited(Bytes bytes) const = 0;
  [[nodiscard]] virtual Result<void> save(const void* value, const Stamp& stamp,
                                          Sink& sink) const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<void>> copy(const void* value) const = 0;
  [[nodiscard]] virtual std::shared_ptr<const void> defaults() const = 0;
  [[nodiscard]] virtual std::uint32_t schema_version() const = 0;
  /// Whether what `save` writes has the lineage in it.
  [[nodiscard]] virtual bool keeps_lineage() const = 0;
  /// The generation that damaged bytes claim to be; 0 if they don't say.
  [[nodiscard]] virtual std::uint64_t claimed_generation(Bytes bytes) const = 0;
};

using Edit = std::function<Result<void>(void*)>;

struct PendingEdit;

/// The tracker without its type: the queue of edits, and the turns of those who commit them. Copies
/// share it: the tracker has one, and each handle of a queued edit. False when it was moved from.
class EditQueue {
 public:
  static Result<EditQueue> open(std::unique_ptr<StateStore> store,
                                std::unique_ptr<StateCodec> codec, const TrackerOptions& options);

  explicit operator bool() const noexcept { return state_ != nullptr; }
  [[nodiscard]] std::shared_ptr<const void> state() const;
  [[nodiscard]] OpenReport report() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] std::shared_ptr<PendingEdit> queue(Edit edit) const;
  Result<void> wait(PendingEdit& pending) const;
  Result<void> flush() const;
  Result<void> reload() const;
  Result<void> restore(std::uint64_t generation) const;
  Result<StateHistory> history() const;
  /// The tracker is gone; handles may still be there.
  void stop() const;

 private:
  struct State;
  explicit EditQueue(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

template <class T, class F>
Edit to_edit(F edit) {
  static_assert(std::is_invocable_v<const F&, T&>,
                "perdure: an edit takes T&, may be run more than once, and so must not change what "
                "it captured: drop `mutable`, and copy where it moves");
  if constexpr (std::is_invocable_v<const F&, T&>) {
    static_assert(returns_one_of<std::invoke_result_t<const F&, T&>, void, Result<void>>,
                  "perdure: an edit returns nothing, or Result<void> to call the save off; any "
                  "other value would be taken for success");
  }
  return [edit = std::move(edit)](void* value) -> Result<void> {
    if constexpr (std::is_same_v<std::invoke_result_t<const F&, T&>, Result<void>>) {
      return edit(*static_cast<T*>(value));
    } else {
      edit(*static_cast<T*>(value));
      return success();
    }
  };
}

template <class T, class S>
class CodecOf final : public StateCodec {
 public:
  CodecOf(S serializer, T initial, Migrations<S> migrations)
      : serializer_(std::move(serializer)),
        defaults_(std::make_shared<const T>(std::move(initial))),
        migrations_(std::move(migrations)) {}

  [[nodiscard]] Result<LoadedState> load(Bytes bytes) const override try {
    BOOST_OUTCOME_TRY(Stamped<T> read, migrations_.template load<T>(serializer_, bytes));
    return to_loaded(std::move(read));
  } catch (...) {
    return caught("read the state");
  }
  [[nodiscard]] Result<LoadedState> load_edited(Bytes bytes) const override try {
    if constexpr (requires { serializer_.deserialize_edited(bytes); }) {
      BOOST_OUTCOME_TRY(Stamped<T> read, serializer_.deserialize_edited(bytes));
      if (read.stamp.schema_version == schema_version()) return to_loaded(std::move(read));
      return Error{.kind = ErrorKind::unsupported,
                   .cause = {},
                   .step = "read the state",
                   .path = {},
                   .detail =
                       "an edited state of another schema version can't be accepted: set "
                       "its schema_version to " +
                       std::to_string(schema_version())};
    } else {
      static_cast<void>(bytes);
      return Error{.kind = ErrorKind::corrupt,
                   .cause = {},
                   .step = "read the state",
                   .path = {},
                   .detail = "this format is not one to edit by hand"};
    }
  } catch (...) {
    return caught("read the state");
  }
  [[nodiscard]] Result<void> save(const void* value, const Stamp& stamp, Sink& sink) const override
      try {
    return serializer_.serialize_stamped(*static_cast<const T*>(value), stamp, sink);
  } catch (...) {
    return caught("write the state");
  }
  [[nodiscard]] Result<std::shared_ptr<void>> copy(const void* value) const override try {
    return std::shared_ptr<void>(std::make_shared<T>(*static_cast<const T*>(value)));
  } catch (...) {
    return caught("copy the state");
  }
  [[nodiscard]] std::shared_ptr<const void> defaults() const override { return defaults_; }
  [[nodiscard]] std::uint32_t schema_version() const override {
    return migrations_.schema_version();
  }
  [[nodiscard]] bool keeps_lineage() const override {
    if constexpr (requires { S::keeps_lineage; }) {
      return S::keeps_lineage;
    } else {
      return false;
    }
  }
  [[nodiscard]] std::uint64_t claimed_generation(Bytes bytes) const override {
    if constexpr (requires { serializer_.claimed_generation(bytes); }) {
      return serializer_.claimed_generation(bytes);
    } else {
      static_cast<void>(bytes);
      return 0;
    }
  }

 private:
  static LoadedState to_loaded(Stamped<T> read) {
    return {std::make_shared<const T>(std::move(read.value)), std::move(read.stamp), read.stamped};
  }

  S serializer_;
  std::shared_ptr<const T> defaults_;
  Migrations<S> migrations_;
};

}  // namespace detail

/// An edit that was queued. `wait` returns when it is durable, or says why it is not; whoever waits
/// first commits all that is queued. From any thread. May outlive the tracker, but not the System
/// that the tracker was given; what is committed then takes the lock for that one commit.
class SaveHandle {
 public:
  SaveHandle(detail::EditQueue edits, std::shared_ptr<detail::PendingEdit> pending)
      : edits_(std::move(edits)), pending_(std::move(pending)) {}

  /// What the edit itself returned or threw comes back here, too. Any number of times. Not within
  /// an edit of the same tracker (ErrorKind::invalid_argument): that would wait for itself.
  Result<void> wait() const { return edits_.wait(*pending_); }

 private:
  detail::EditQueue edits_;
  std::shared_ptr<detail::PendingEdit> pending_;
};

/// An application's state that survives crashes, and says so.
///
/// The state in memory is never ahead of the disk: an edit runs on a copy, the copy is committed,
/// then it becomes the state. Safe to use from several threads; move-only. Destroying it saves
/// nothing and loses nothing that was acknowledged: edits that were queued and that nobody waited
/// for are gone with the last handle (call `flush` first, or set `committer_thread`, whose thread
/// finishes the queue before the destructor returns). The lock of TrackerLock::exclusive is free
/// once the destructor has returned.
///
///     BOOST_OUTCOME_TRY(auto queue, perdure::StateTracker<Queue>::open("queue.json"));
///     BOOST_OUTCOME_TRY(queue.update([](Queue& q) { ++q.next_id; }));
///
/// When a save fails with Fate::unchanged, the state is what it was, in memory and on disk. After
/// Fate::visible or Fate::unknown memory keeps the last state that is known to be durable, and
/// saves are refused (ErrorKind::recovery_required) until `reload` has settled which it is.
///
/// It belongs to the process that opened it. In a forked child `state`, `generation` and `report`
/// work; everything else is ErrorKind::invalid_argument, and so is a handle whose outcome was not
/// known at the fork. To drop the child's copy saves nothing and waits for nobody, and leaves its
/// memory.
template <class T, class S = Json<T>>
class StateTracker {
  static_assert(
      StampedSerializer<S, T>,
      "perdure: a tracked state needs a serializer that keeps a generation and a checksum "
      "beside the value: wrap yours as Envelope<Yours>");

 public:
  /// Opens the state in the file `path`, or starts with `defaults`. See `report` for what it found.
  /// A damaged file is set aside, never overwritten; a file that can't be read for another reason
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
  /// Its number, and how this tracker came by it.
  [[nodiscard]] std::uint64_t generation() const { return edits_.generation(); }
  [[nodiscard]] OpenReport report() const { return edits_.report(); }

  /// Runs `edit(T&)` on a copy of the state and makes the result durable. `edit` returns nothing,
  /// or Result<void> to call the save off. It may be run more than once (when another edit of the
  /// same commit fails), on another thread, and must change nothing but its argument. What it
  /// throws is thrown here, and only this edit has failed. What it captured is destroyed before
  /// this returns, maybe on another thread; a destructor may use the tracker as an edit may:
  /// `state` and `save_later` work, whatever waits is ErrorKind::invalid_argument.
  template <class F>
  Result<void> update(F edit) {
    return save_later(std::move(edit)).wait();
  }

  /// Queues the edit; the handle says when it is durable. Edits run in the order in which they were
  /// queued, all that wait on one copy, with one commit. When the commit fails, exactly its edits
  /// fail; later ones run on the last durable state, without them.
  template <class F>
  SaveHandle save_later(F edit) {
    return {edits_, edits_.queue(detail::to_edit<T>(std::move(edit)))};
  }

  /// Waits for everything that was queued up to now; the first error, if there is one.
  Result<void> flush() { return edits_.flush(); }

  /// Takes what is on disk now as the state, whoever wrote it, and makes it durable. A damaged file
  /// is an error here and stays where it is: memory has the better state.
  Result<void> reload() { return edits_.reload(); }

  /// What the store has: previous generations, and states that were set aside.
  Result<StateHistory> history() { return edits_.history(); }

  /// Commits a previous generation again, under a new number.
  Result<void> restore(std::uint64_t number) { return edits_.restore(number); }

 private:
  explicit StateTracker(detail::EditQueue edits) : edits_(std::move(edits)) {}

  detail::EditQueue edits_;
};

}  // namespace perdure
