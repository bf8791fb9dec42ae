// SPDX-License-Identifier: BSL-1.0
// A store without files: what the tracker does with one can't depend on paths, and is fast.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <perdure/state_store.hpp>

namespace perdure::test {

/// The content of a MemoryStore; outlives it.
struct Memory {
  std::optional<Buffer> current;
  std::uint64_t revision = 1;
  std::map<std::uint64_t, Buffer> previous;
  std::vector<std::pair<std::uint64_t, Buffer>> damaged;
  unsigned commits = 0;
  std::vector<Error> failures;  ///< The errors of the next commits, the last one first.
};

class MemoryStore final : public StateStore {
 public:
  explicit MemoryStore(Memory& memory) : memory_(memory) {}

  Result<std::unique_ptr<Lock>> lock(const LockWait& /*wait*/) override {
    return std::make_unique<Lock>();
  }
  Result<Revision> revision() override { return now(); }
  Result<std::optional<StoredState>> load() override {
    if (!memory_.current) return std::optional<StoredState>();
    return StoredState{*memory_.current, now()};
  }
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (!memory_.failures.empty()) {
      Error error = std::move(memory_.failures.back());
      memory_.failures.pop_back();
      return error;
    }
    if (draft.expected != now()) {
      return Error{.kind = ErrorKind::conflict, .cause = {}, .step = "", .path = "", .detail = ""};
    }
    if (draft.keep_as) memory_.previous[*draft.keep_as] = *memory_.current;
    memory_.current = Buffer(draft.image.begin(), draft.image.end());
    ++memory_.revision;
    ++memory_.commits;
    for (const auto number : draft.drop) memory_.previous.erase(number);
    return StoreReceipt{.revision = now()};
  }
  Result<StateHistory> history() override {
    StateHistory history;
    for (const auto& [number, bytes] : memory_.previous) {
      history.previous.insert(history.previous.begin(), number);
      history.generation_max = number;
    }
    for (const auto& [number, bytes] : memory_.damaged) {
      history.generation_max = std::max(history.generation_max, number);
      history.damaged.push_back("damaged " + std::to_string(number));
    }
    return history;
  }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    const auto found = memory_.previous.find(generation);
    if (found == memory_.previous.end()) return std::optional<StoredState>();
    return StoredState{found->second, {"previous"}};
  }
  Result<std::string> set_aside(const Revision&, std::uint64_t generation) override {
    memory_.damaged.emplace_back(generation, std::move(*memory_.current));
    memory_.current.reset();
    return "damaged " + std::to_string(generation);
  }
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    memory_.damaged.emplace_back(generation, std::move(memory_.previous.at(generation)));
    memory_.previous.erase(generation);
    return "damaged " + std::to_string(generation);
  }
  [[nodiscard]] std::string describe() const override { return "memory"; }

 private:
  [[nodiscard]] Revision now() const {
    return memory_.current ? Revision{std::to_string(memory_.revision)} : Revision{};
  }

  Memory& memory_;
};

inline std::unique_ptr<StateStore> over(Memory& memory) {
  return std::make_unique<MemoryStore>(memory);
}

}  // namespace perdure::test
