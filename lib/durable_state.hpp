// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <perdure/state_tracker.hpp>

namespace perdure::detail {

/// One state, in memory and in its store: reads it, falls back, catches up with others, commits.
/// Memory is never ahead of what is durable. Nothing throws.
///
/// Used by one thread at a time, except for value, report and generation, which any may call.
class DurableState {
 public:
  /// Makes the value that shall be saved out of the one that is there; null for nothing to save.
  using Edited = std::function<Result<std::shared_ptr<const void>>(const void* value)>;

  DurableState(std::unique_ptr<StateStore> store, std::unique_ptr<StateCodec> codec,
               const TrackerOptions& options)
      : store_(std::move(store)), codec_(std::move(codec)), options_(options) {}

  [[nodiscard]] std::shared_ptr<const void> value() const;
  [[nodiscard]] OpenReport report() const;
  [[nodiscard]] std::uint64_t generation() const;
  [[nodiscard]] const StateCodec& codec() const { return *codec_; }
  [[nodiscard]] Error failure(std::string_view step, ErrorKind kind, std::string detail) const;

  Result<void> open();
  Result<void> save(const Edited& edited);
  Result<void> reload();
  Result<void> restore(std::uint64_t generation);
  Result<StateHistory> history();
  /// Gives the lock of TrackerLock::exclusive back; later saves take it for themselves.
  void release() { exclusive_.reset(); }

 private:
  /// What is known of the store.
  struct Stored {
    Revision revision;
    bool exists = false;                  // there is a current state ...
    bool keepable = false;                // ... that may become a previous one
    std::uint64_t generation = 0;         // ... with this number
    std::vector<std::uint64_t> previous;  // newest first, without the current one
    std::size_t image_size = 0;           // in bytes; the next image is likely about as large
  };
  struct Found {
    LoadedState state;
    Stored stored;
    OpenReport report;
  };

  Result<std::unique_ptr<StateStore::Lock>> take_lock();
  Result<Found> find(bool opening);
  Result<Found> take_current(LoadedState loaded, StoredState stored, StateHistory history);
  Result<Found> take_edited(const Error& damage, StoredState stored, StateHistory history);
  Result<Found> fall_back(std::string reason, const StoredState* damaged, StateHistory history);
  Result<std::optional<LoadedState>> newest_previous(const std::vector<std::uint64_t>& numbers,
                                                     std::vector<std::uint64_t>& damaged,
                                                     std::uint64_t& number);
  Result<void> set_aside(const StoredState* current, const std::vector<std::uint64_t>& previous,
                         OpenReport& report);
  Result<void> catch_up();
  Result<void> commit(std::shared_ptr<const void> value, UnknownMembers unknown, OpenReport report);
  Result<StateDraft> draft(const Stamp& stamp, std::vector<std::uint64_t>& kept) const;
  Result<void> check_settled() const;
  void publish(LoadedState state, OpenReport report);
  Error at_path(Error error) const;

  std::unique_ptr<StateStore> store_;
  std::unique_ptr<StateCodec> codec_;
  TrackerOptions options_;
  std::unique_ptr<StateStore::Lock> exclusive_;
  Stored stored_;
  std::uint64_t attempted_max_ = 0;  // the highest number seen or tried: none is used twice
  bool unsettled_ = false;           // a save may or may not survive: reload first

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const void> value_;
  Stamp stamp_;
  OpenReport report_;
};

}  // namespace perdure::detail
