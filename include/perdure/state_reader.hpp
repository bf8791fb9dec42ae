// SPDX-License-Identifier: BSL-1.0
// A tracked state for programs that only read it: without a lock, and without permission to write.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/detail/state_codec.hpp>
#include <perdure/error.hpp>
#include <perdure/json.hpp>
#include <perdure/lock_wait.hpp>
#include <perdure/path.hpp>
#include <perdure/stamp.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// How a state is read.
struct ReaderOptions {
  std::uint64_t size_max = std::uint64_t{1} << 32U;  ///< Of the file; a larger one is refused.
  System system = native_system();                   ///< Must outlive the reader.
};

/// A state, and the stamp that its file has; a stamp of zeros for a file without one.
template <class T>
struct StateSnapshot {
  std::shared_ptr<const T> value;  ///< Not null; never changes.
  Stamp stamp;                     ///< Of the same file as the value.
};

namespace detail {

/// The reader without its type.
class PERDURE_STATE_API StateView {
 public:
  static Result<StateView> open(const Path& path, std::unique_ptr<StateCodec> codec,
                                const ReaderOptions& options);

  StateView(StateView&&) noexcept;
  StateView& operator=(StateView&&) noexcept;
  ~StateView();

  [[nodiscard]] const LoadedState& loaded() const noexcept;
  Result<bool> changed();
  Result<bool> wait_changed(const LockWait& wait);
  Result<bool> reload();

 private:
  struct State;
  explicit StateView(std::unique_ptr<State> state) noexcept;
  Held<std::unique_ptr<State>> state_;
};

}  // namespace detail

/// Looks at a state that a StateTracker, of this program or another, keeps in a file.
///
///     BOOST_OUTCOME_TRY(auto queue, perdure::StateReader<Queue>::open("queue.json"));
///     BOOST_OUTCOME_TRY(const bool changed, queue.reload());  // a look at the file, as a rule
///
/// It takes no lock, makes no file, syncs nothing, and needs only permission to read. Each state
/// that it reads is intact. While a save is under way, the state may be newer than the state that a
/// power cut leaves. Where a root with a log publishes later (Publish::later), it may be older than
/// the last save: `has_unpublished` tells users who may look into the root.
///
/// These are errors: a file that is missing or damaged, one of a newer schema, and, in a sticky
/// directory, another user's (ErrorKind::untrusted). Nothing is set aside, and no previous
/// generation is taken. The state that was read before stays.
///
/// One thread at a time; snapshots may be kept by any. One that was moved from may be destroyed and
/// assigned to; every other call of it ends the program.
template <class T, class S = Json<T>>
class StateReader {
  static_assert(
      StampedSerializer<S, T>,
      "perdure: a tracked state needs a serializer that keeps a generation and a checksum "
      "beside the value: wrap yours as Envelope<Yours>");

 public:
  /// Reads the state in the file `path`. A symbolic link there is followed, each time.
  static Result<StateReader> open(const Path& path, const ReaderOptions& options = {},
                                  S serializer = {}, Migrations<S> migrations = {}) {
    auto codec =
        std::make_unique<detail::CodecOf<T, S>>(std::move(serializer), T{}, std::move(migrations));
    BOOST_OUTCOME_TRY(auto view, detail::StateView::open(path, std::move(codec), options));
    return StateReader(std::move(view));
  }

  /// As it was read last.
  [[nodiscard]] std::shared_ptr<const T> state() const {
    return std::static_pointer_cast<const T>(view_.loaded().value);
  }
  /// The stamp of that state. Valid until the next `reload`.
  [[nodiscard]] const Stamp& stamp() const noexcept { return view_.loaded().stamp; }
  /// The number of that state; 0 for a file without a stamp.
  [[nodiscard]] std::uint64_t generation() const noexcept { return stamp().generation; }

  /// Whether another file is there than was read last, or it has other stamps. One look at the
  /// file. Where the kernel stamps files by the tick (before Linux 6.13), the content of a file
  /// that was changed just now is read. ErrorKind::system if it is gone.
  Result<bool> changed() { return view_.changed(); }

  /// Waits until `changed` is true, by a look every 100 ms. False when the time is up, or when
  /// `wait.stop` says so, which is asked every 20 ms.
  Result<bool> wait_changed(const LockWait& wait) { return view_.wait_changed(wait); }

  /// Reads it again if it changed; says whether it did.
  Result<bool> reload() { return view_.reload(); }

 private:
  explicit StateReader(detail::StateView view) noexcept : view_(std::move(view)) {}

  detail::StateView view_;
};

/// Reads the state in a file once. As StateReader::open.
template <class T, class S = Json<T>>
Result<StateSnapshot<T>> load_state(const Path& path, const ReaderOptions& options = {},
                                    S serializer = {}, Migrations<S> migrations = {}) {
  BOOST_OUTCOME_TRY(auto reader, (StateReader<T, S>::open(path, options, std::move(serializer),
                                                          std::move(migrations))));
  return StateSnapshot<T>{reader.state(), reader.stamp()};
}

}  // namespace perdure
