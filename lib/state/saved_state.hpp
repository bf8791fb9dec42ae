// SPDX-License-Identifier: BSL-1.0
// A tracked state, in memory and in its store. load.cpp finds and takes it, save.cpp commits it.
//
//   open()           known: memory has the durable state, or the defaults
//     |                |  ^  ^
//     +--------------->|  |  |   save(), restore(), rewrite(): committed, or Fate::unchanged
//                      |  +--+   reload(): took what it found
//                      |     ^
//                      |     +-- reload() committed anew what it found
//                      v     |
//                    unknown: save() and restore() refuse
//
// `known` becomes `unknown` when a commit ends with another fate than `unchanged`, or throws.
//
//   S1  Memory is never ahead of the disk: only publish() changes the shown state, and is called
//       with a state that the store returned as durable. Where no state is left the defaults are
//       shown; nobody was told that these are saved.
//   S2  No number is used twice: attempted_max_ never falls, is at least every number that was seen
//       or tried, and the next commit takes the one after it.
//   S3  While the outcome is known, stored_ and the shown state are the same state.
//   S4  While it is unknown, memory keeps the last state that is known to be durable. Only a commit
//       ends that: of the state that reload() found or, where the file is gone, of the one in
//       memory. A second sync would not do, since it may succeed and write nothing.
//   S5  A save destroys no evidence: damaged states, and previous ones newer than the current one,
//       are moved aside first. A text accepted as an edit is replaced by a save with its content.
//   S6  store_ and stored_ belong to the thread that has the turn (edit_queue.cpp). The shown state
//       is read by any thread under mutex_, and in a forked child without it: the current entry of
//       shown_ never changes in place.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <perdure/detail/state_codec.hpp>
#include <perdure/receipt.hpp>
#include <perdure/state_store.hpp>
#include <perdure/tracker_options.hpp>

#include "linux/fork.hpp"

namespace perdure::detail {

/// The outcome of edits on a copy of the state.
enum class EditOutcome {
  done,     ///< It is to be saved.
  again,    ///< One failed half-way; the others want a fresh copy.
  nothing,  ///< None is left.
  unsure,   ///< One failed, maybe because others have saved since: look first, then run all again.
};

/// One state, in memory and in its store: reads it, falls back, catches up with others, commits.
/// Memory is never ahead of the durable state. Nothing throws.
///
/// Used by one thread at a time, except for value, report and generation, which any may call.
/// These three work in a forked child, too; nothing else does there.
class SavedState {
 public:
  static constexpr std::string_view removed_words =
      "somebody removed the file since it was read; put it back, or call rewrite() to commit what "
      "memory holds";

  /// Changes a copy of the state. `looked`: the state was the store's current one when this save
  /// began.
  using Edits = std::function<EditOutcome(void* copy, bool looked)>;

  SavedState(std::unique_ptr<StateStore> store, std::unique_ptr<StateCodec> codec,
             const TrackerOptions& options)
      : store_(std::move(store)), codec_(std::move(codec)), options_(options) {}

  /// False in a forked child of the process that made this.
  [[nodiscard]] bool is_ours() const noexcept { return made_by_.this_process(); }
  /// The error of a forked child.
  [[nodiscard]] Error not_ours() const;

  [[nodiscard]] std::shared_ptr<const void> value() const;
  [[nodiscard]] OpenReport report() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] Error failure(std::string_view step, ErrorKind kind, std::string detail) const;

  Result<void> open();
  /// Saves what `edits` make of a copy of the state that is current then.
  Result<void> save(const Edits& edits);
  /// Of the last commit of this object; null before. By the thread that called for that one.
  [[nodiscard]] std::shared_ptr<const SaveReceipt> receipt() const noexcept { return receipt_; }
  /// Whether the store has another state, or none, than was taken or saved last.
  Result<bool> changed();
  std::unique_ptr<StateStore::Watch> watch() { return store_->watch(); }
  Result<void> reload();
  Result<void> rewrite();
  Result<void> restore(std::uint64_t generation);
  Result<StateHistory> history();
  /// Gives the lock of TrackerLock::exclusive back; later saves take it for themselves.
  void release() { exclusive_.reset(); }

 private:
  using Digest = std::array<std::byte, 16>;
  /// The place of a state in its history.
  struct Standing {
    Lineage lineage{};             // a file that does not say has one that only its readers know
    std::uint64_t generation = 0;  // of the state that was taken; 0 for defaults
    Digest digest{};               // of its image
    bool bare = false;             // the file does not name its lineage
    bool lost = false;             // the next save begins a new history
  };
  /// The known part of the store.
  struct Stored {
    Revision revision;
    bool exists = false;                  // there is a current state ...
    bool keepable = false;                // ... that may become a previous one
    bool durable = true;                  // ... and that no power cut takes back
    std::uint64_t generation = 0;         // ... with this number
    std::vector<std::uint64_t> previous;  // newest first, without the current one
    // previous generations that are newer than a copy in the state's place
    std::vector<std::uint64_t> newer;
    std::size_t image_size = 0;  // in bytes; the next image is likely about as large
    Standing standing{};
  };
  /// The durable state, as any thread may see it.
  struct Shown {
    std::shared_ptr<const void> value;
    Stamp stamp;
    OpenReport report;
  };
  struct Found {
    LoadedState state;
    Stored stored;
    OpenReport report;
  };

  Result<std::unique_ptr<StateStore::Lock>> take_lock();
  Result<Found> find(bool opening);
  Result<Found> take_current(LoadedState loaded, StoredState stored, StateHistory history);
  Standing standing_of(const LoadedState& loaded, const StoredState& stored) const;
  Result<std::string> find_loss(Standing& standing, const Revision& revision,
                                const StateHistory& history);
  void skip_numbers(std::uint64_t seen);
  Result<Found> take_edited(const Error& damage, StoredState stored, StateHistory history);
  Result<Found> fall_back(std::string reason, const StoredState* damaged, StateHistory history);
  Result<std::optional<LoadedState>> newest_previous(const std::vector<std::uint64_t>& numbers,
                                                     std::vector<std::uint64_t>& damaged,
                                                     Standing& standing);
  Result<void> set_aside(const StoredState* current, const std::vector<std::uint64_t>& previous,
                         OpenReport& report);
  Result<void> in_turn(const StateStore::Lock* lock, const std::function<Result<void>()>& work);
  [[nodiscard]] Result<std::chrono::nanoseconds> pause_before(std::uint32_t tries) const;
  Result<void> catch_up();
  Result<void> take_found();
  Result<void> commit_previous(std::uint64_t generation);
  Result<void> commit_shown();
  Result<void> forget_removed(Revision absent);
  [[nodiscard]] bool descends(const Standing& theirs) const;
  Result<Lineage> next_lineage() const;
  Result<void> set_newer_aside();
  Result<void> commit(std::shared_ptr<const void> value, UnknownMembers unknown, OpenReport report);
  Result<StateDraft> draft(const Stamp& stamp, std::vector<std::uint64_t>& kept) const;
  Result<void> check_outcome_known() const;
  Result<std::shared_ptr<const void>> edited(const Edits& edits, bool looked);
  Result<void> publish(LoadedState state, OpenReport report);
  [[nodiscard]] const Shown& shown() const noexcept { return shown_[current_]; }
  [[nodiscard]] std::unique_lock<std::mutex> lock_shown() const;
  Error at_path(Error error) const;

  std::unique_ptr<StateStore> store_;
  std::unique_ptr<StateCodec> codec_;
  TrackerOptions options_;
  std::unique_ptr<StateStore::Lock> exclusive_;
  Stored stored_;
  std::shared_ptr<const SaveReceipt> receipt_;
  std::uint64_t attempted_max_ = 0;  // the highest number seen or tried: none is used twice
  std::uint64_t published_max_ = 0;  // the highest number that this tracker's state had
  bool overtaken_ = false;           // another tracker was faster than the last commit
  bool outcome_unknown_ = false;     // a save may or may not survive: reload first

  const MadeBy made_by_{};
  mutable std::mutex mutex_;  // guards what follows
  /// The current entry is never changed in place: it is intact at each moment at which somebody may
  /// fork.
  std::array<Shown, 2> shown_;
  std::atomic<std::size_t> current_ = 0;
};

}  // namespace perdure::detail
