// SPDX-License-Identifier: BSL-1.0
// A store of states in memory, for tests that need no files.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/state_store.hpp>

namespace perdure::testing {

/// Keeps the handles on one StateMemory apart. A copy of the memory has a guard of its own.
class StateMemoryGuard {
 public:
  StateMemoryGuard() = default;
  StateMemoryGuard(const StateMemoryGuard& /*other*/) {}
  StateMemoryGuard& operator=(const StateMemoryGuard& /*other*/) { return *this; }
  ~StateMemoryGuard() = default;

 private:
  friend class MemoryStore;

  std::mutex mutex_;
  std::condition_variable unlocked_;
  bool locked_ = false;  ///< The store's lock is held.
};

/// The content of a MemoryStore: a test may look at it and change it while no store works on it.
struct StateMemory {
  std::optional<Buffer> current;  ///< Empty where no state is stored.
  std::uint64_t revision = 1;     ///< Of the current state; a test that changes that counts it up.
  std::map<std::uint64_t, Buffer> previous;  ///< By generation.
  /// Set aside: generation and content, oldest first.
  std::vector<std::pair<std::uint64_t, Buffer>> damaged;
  unsigned commits = 0;         ///< How many were done.
  std::vector<Error> failures;  ///< The errors of the next commits, which do nothing; last first.
  bool lose_answer = false;     ///< The next commit is done, and its answer lost: Fate::unknown.
  std::uint64_t size_max = UINT64_MAX;  ///< Bytes; a larger state is refused.
  StateMemoryGuard guard;               ///< Of no use to a test.
};

/// A handle on a StateMemory, which outlives it. Several may be used at a time, each by one thread.
/// A commit's compare holds without the lock, which excludes the other handles all the same.
///
/// Link perdure::testing; perdure::state has the header of the seam.
class PERDURE_TESTING_API MemoryStore final : public StateStore {
 public:
  /// Does not own `memory`.
  explicit MemoryStore(StateMemory& memory) : memory_(memory) {}

  [[nodiscard]] StoreLimits limits() const override;
  Result<std::unique_ptr<Lock>> lock(const LockWait& wait) override;
  Result<Revision> revision() override;
  Result<std::optional<StoredState>> load() override;
  Result<StoreReceipt> commit(const StateDraft& draft) override;
  Result<StateHistory> history() override;
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override;
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override;
  Result<std::string> set_aside_previous(std::uint64_t generation) override;
  /// "memory".
  [[nodiscard]] std::string describe() const override;

 private:
  class Held;

  [[nodiscard]] Revision now() const;
  [[nodiscard]] std::unique_lock<std::mutex> hold() const;
  void move_previous_aside(std::uint64_t generation);

  StateMemory& memory_;
};

}  // namespace perdure::testing
