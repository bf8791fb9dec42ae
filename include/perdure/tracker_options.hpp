// SPDX-License-Identifier: BSL-1.0
// How a tracked state is opened, and what `open` found.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/stamp.hpp>
#include <perdure/state_store.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// The source of the state that a tracker began with.
enum class Origin {
  current,   ///< The state that was committed last.
  previous,  ///< An earlier generation: the current one was missing or damaged.
  replaced,  ///< The state that is there, and it is not the one that was committed last: somebody
             ///< put another copy in its place, an older one most likely.
  defaults,  ///< No state was there that could be used.
};
/// The word for it: "current", "previous", ...
[[nodiscard]] PERDURE_STATE_API std::string_view to_string(Origin origin) noexcept;

/// The finding of `open` or `reload`.
struct OpenReport {
  Origin origin = Origin::defaults;  ///< Of the state that was taken.
  std::uint64_t generation = 0;      ///< Of the state that was taken; 0 for defaults.
  StampTime last_updated{};  ///< When that generation was made; zero if the file does not say.
  /// Why it is not the current one, or which fault was accepted; empty if all is well.
  std::string reason;
  std::string set_aside;  ///< Where the damaged file is kept as evidence; empty if none was.
};

/// Who else may save the same state.
enum class TrackerLock {
  shared,  ///< Anyone with a tracker: the lock is taken for each save, if the store needs it, and
           ///< a save that another tracker overtook is made again on top of what that one left.
  exclusive,  ///< Nobody: the lock is held as long as the tracker lives.
};

/// How to treat a current state that fails its own check: it is damaged, or somebody edited it and
/// left the stamp in. Nobody can tell which.
enum class DamagePolicy {
  set_aside,    ///< Move it out of the way, as evidence, and go on with the previous generation.
  refuse,       ///< ErrorKind::corrupt; nothing is touched.
  accept_edit,  ///< Take it at its word if it can be read at all; the next save gives it a stamp.
};

/// How a tracker opens its state, and how it saves.
struct TrackerOptions {
  TrackerLock lock = TrackerLock::shared;  ///< Held for each save, or for the tracker's life.
  /// How long to wait for the lock; in a store without one, for a save that no other overtakes. 0
  /// refuses at once; `milliseconds::max()` waits forever.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// As WriteOptions::stop, for the state's lock: `open` fails, and so do the edits of a save that
  /// waits. StateStore::lock hands it to a store of one's own.
  StopCondition stop{};
  /// How many previous generations to keep beside the current one.
  std::uint32_t previous_max = 1;
  /// Commit what `save_later` queued on a thread of the tracker's own, as soon as it can.
  bool committer_thread = false;
  /// `reload` never sets aside: it refuses instead, since memory has a better state.
  DamagePolicy damage = DamagePolicy::set_aside;
  FileStoreOptions file = {};  ///< For a tracker that is opened by path.
  /// Gives the time for `last_updated`, and the files for a tracker that is opened by path.
  System system = native_system();
};

}  // namespace perdure
