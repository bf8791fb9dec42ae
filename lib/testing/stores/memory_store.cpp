// SPDX-License-Identifier: BSL-1.0
// A state and its generations in memory; each call is atomic.
#include <algorithm>

#include <perdure/testing/memory_store.hpp>

#include "base/internal.hpp"
#include "base/make_error.hpp"
#include "base/missing.hpp"

namespace perdure::testing {
namespace {

constexpr std::string_view place = "memory";

Error refusal(std::string_view step, ErrorKind kind, std::string words) {
  return make_error(step, std::string(place), kind, std::move(words));
}

std::string name_of_damaged(std::uint64_t generation) {
  return "damaged " + std::to_string(generation);
}

}  // namespace

/// The store's lock.
class PERDURE_LOCAL MemoryStore::Held final : public Lock {
 public:
  explicit Held(StateMemoryGuard& guard) : guard_(guard) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() override {
    const std::lock_guard mutex(guard_.mutex_);
    guard_.locked_ = false;
    guard_.unlocked_.notify_one();
  }

 private:
  StateMemoryGuard& guard_;
};

std::unique_lock<std::mutex> MemoryStore::hold() const {
  return std::unique_lock(memory_.guard.mutex_);
}

StoreLimits MemoryStore::limits() const {
  return {.size_max = memory_.size_max, .needs_lock = false};
}

Result<std::unique_ptr<StateStore::Lock>> MemoryStore::lock(const LockWait& wait) {
  StateMemoryGuard& guard = memory_.guard;
  auto mutex = hold();
  const auto is_free = [&] { return !guard.locked_; };
  constexpr std::chrono::hours longest(1000);  // a clock can't count the longest timeout of all
  constexpr std::chrono::milliseconds pause(4);
  using std::chrono::steady_clock;
  const auto end =
      steady_clock::now() + std::min<std::chrono::milliseconds>(wait.timeout_ms, longest);
  while (!is_free()) {
    const bool stopped = wait.stop.is_met();
    if (stopped || steady_clock::now() >= end) {
      return refusal("take the state's lock",
                     stopped ? ErrorKind::stopped : ErrorKind::lock_timeout,
                     "another handle has it");
    }
    guard.unlocked_.wait_until(mutex, std::min(end, steady_clock::now() + pause), is_free);
  }
  guard.locked_ = true;
  return std::make_unique<Held>(guard);
}

Revision MemoryStore::now() const {
  return memory_.current ? Revision{std::to_string(memory_.revision)} : Revision{};
}

Result<Revision> MemoryStore::revision() {
  const auto mutex = hold();
  return now();
}

Result<std::optional<StoredState>> MemoryStore::load() {
  const auto mutex = hold();
  if (!memory_.current) return std::optional<StoredState>();
  return StoredState{*memory_.current, now()};
}

void MemoryStore::move_previous_aside(std::uint64_t generation) {
  memory_.damaged.emplace_back(generation, std::move(memory_.previous.at(generation)));
  memory_.previous.erase(generation);
}

Result<StoreReceipt> MemoryStore::commit(const StateDraft& draft) {
  const auto mutex = hold();
  if (!memory_.failures.empty()) {
    Error error = std::move(memory_.failures.back());
    memory_.failures.pop_back();
    return error;
  }
  if (draft.image.size() > memory_.size_max) {
    return refusal("save the state", ErrorKind::invalid_argument, "it is too large");
  }
  if (draft.expected != now()) {
    return refusal("compare the version", ErrorKind::conflict, "another handle saved it");
  }
  if (draft.keep_as && memory_.current) {
    const auto there = memory_.previous.find(*draft.keep_as);
    if (there != memory_.previous.end() && there->second != *memory_.current) {
      move_previous_aside(*draft.keep_as);
    }
    memory_.previous[*draft.keep_as] = std::move(*memory_.current);
  }
  memory_.current = Buffer(draft.image.begin(), draft.image.end());
  ++memory_.revision;
  ++memory_.commits;
  for (const auto number : draft.drop) memory_.previous.erase(number);
  if (std::exchange(memory_.lose_answer, false)) {
    Error lost = refusal("save the state", ErrorKind::system, "the answer was lost");
    lost.fate = Fate::unknown;
    return lost;
  }
  return StoreReceipt{.revision = now()};
}

Result<StateHistory> MemoryStore::history() {
  const auto mutex = hold();
  StateHistory history;
  for (const auto& [number, bytes] : memory_.previous) {
    history.previous.insert(history.previous.begin(), number);
    history.generation_max = number;
  }
  for (const auto& [number, bytes] : memory_.damaged) {
    history.generation_max = std::max(history.generation_max, number);
    history.damaged.push_back(name_of_damaged(number));
  }
  return history;
}

Result<std::optional<StoredState>> MemoryStore::load_previous(std::uint64_t generation) {
  const auto mutex = hold();
  const auto found = memory_.previous.find(generation);
  if (found == memory_.previous.end()) return std::optional<StoredState>();
  return StoredState{found->second, {"previous " + std::to_string(generation)}};
}

Result<std::string> MemoryStore::set_aside(const Revision& damaged, std::uint64_t generation) {
  const auto mutex = hold();
  if (!memory_.current || damaged != now()) {
    return refusal("set the damaged state aside", ErrorKind::conflict, "another handle saved it");
  }
  memory_.damaged.emplace_back(generation, std::move(*memory_.current));
  memory_.current.reset();
  return name_of_damaged(generation);
}

Result<std::string> MemoryStore::set_aside_previous(std::uint64_t generation) {
  const auto mutex = hold();
  if (!memory_.previous.contains(generation)) {
    return make_error("set a previous generation aside", std::string(place), missing_cause());
  }
  move_previous_aside(generation);
  return name_of_damaged(generation);
}

std::string MemoryStore::describe() const {
  return std::string(place);
}

}  // namespace perdure::testing
