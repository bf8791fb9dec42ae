// SPDX-License-Identifier: BSL-1.0
// Every double does one thing that a store must not do, and all else as it should.
#include "planted.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

#include <perdure/forwarding_store.hpp>

namespace perdure::test {
namespace {

using testing::MemoryStore;
using testing::StateMemory;

/// A handle on a memory whose calls a breach replaces.
class Broken : public ForwardingStore {
 public:
  explicit Broken(StateMemory& memory)
      : ForwardingStore(std::make_unique<MemoryStore>(memory)), memory_(memory) {}

 protected:
  [[nodiscard]] Revision now() const { return base().revision().value(); }
  [[nodiscard]] StateMemory& memory() const { return memory_; }

 private:
  StateMemory& memory_;
};

template <class Breach>
Plant plant() {
  return [](StateMemory& memory) { return std::make_unique<Breach>(memory); };
}

/// Lets one handle work at a time. Waits for the store's lock do not count.
class OneAtATime : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<Revision> revision() override {
    const std::lock_guard alone(mutex);
    return base().revision();
  }
  Result<std::optional<StoredState>> load() override {
    const std::lock_guard alone(mutex);
    return base().load();
  }
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    const std::lock_guard alone(mutex);
    return base().commit(draft);
  }
  Result<StateHistory> history() override {
    const std::lock_guard alone(mutex);
    return base().history();
  }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    const std::lock_guard alone(mutex);
    return base().load_previous(generation);
  }
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    const std::lock_guard alone(mutex);
    return base().set_aside(damaged, generation);
  }
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    const std::lock_guard alone(mutex);
    return base().set_aside_previous(generation);
  }

 private:
  inline static std::mutex mutex;
};

/// Of a breach that reaches into the memory, past the guard that its store has. Writers at once
/// tore the heap.
template <class Breach>
Plant plant_reaching() {
  return [](StateMemory& memory) {
    return std::make_unique<OneAtATime>(std::make_unique<Breach>(memory));
  };
}

/// Commits whatever is current.
struct NoCompare : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    other.expected = now();
    return base().commit(other);
  }
};

/// Takes the revision of no state for "whatever is current".
struct AbsentIsAny : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    if (draft.expected.is_absent()) other.expected = now();
    return base().commit(other);
  }
};

/// Has five revisions, one after the other.
struct FewRevisions : Broken {
  using Broken::Broken;
  static Revision folded(const Revision& from) {
    if (from.is_absent() || from.token.find_first_not_of("0123456789") != std::string::npos) {
      return from;
    }
    return {"r" + std::to_string(std::stoull(from.token) % 5)};
  }
  [[nodiscard]] Revision unfolded(const Revision& from) const {
    return folded(now()) == from ? now() : Revision{"another"};
  }
  Result<Revision> revision() override { return folded(now()); }
  Result<std::optional<StoredState>> load() override {
    auto stored = base().load();
    if (stored && stored.value()) stored.value()->revision = folded(stored.value()->revision);
    return stored;
  }
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    other.expected = unfolded(draft.expected);
    auto done = base().commit(other);
    if (done) done.value().revision = folded(done.value().revision);
    return done;
  }
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    return base().set_aside(unfolded(damaged), generation);
  }
};

struct NoDrop : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    other.drop.clear();
    return base().commit(other);
  }
};

struct NoKeep : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    other.keep_as.reset();
    return base().commit(other);
  }
};

/// Publishes, then compares.
struct VisibleBefore : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    auto done = base().commit(draft);
    if (!done && done.error().kind == ErrorKind::conflict) memory().current = Buffer(3);
    return done;
  }
};

/// Drops, then compares.
struct DropsBefore : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    for (const auto number : draft.drop) memory().previous.erase(number);
    return base().commit(draft);
  }
};

/// Says that a commit is done, and forgets it.
struct Forgets : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (draft.image.size() == 4096) return StoreReceipt{.revision = {"forgotten"}};
    return base().commit(draft);
  }
};

struct AbsentIsEmpty : Broken {
  using Broken::Broken;
  Result<std::optional<StoredState>> load() override {
    BOOST_OUTCOME_TRY(auto stored, base().load());
    return std::optional(stored ? std::move(*stored) : StoredState{});
  }
};

struct EmptyIsAbsent : Broken {
  using Broken::Broken;
  Result<std::optional<StoredState>> load() override {
    BOOST_OUTCOME_TRY(auto stored, base().load());
    if (stored && stored->bytes.empty()) stored.reset();
    return stored;
  }
};

struct OldestFirst : Broken {
  using Broken::Broken;
  Result<StateHistory> history() override {
    auto history = base().history();
    std::ranges::reverse(history.value().previous);
    return history;
  }
};

struct PreviousIsCurrent : Broken {
  using Broken::Broken;
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    auto stored = base().load_previous(generation);
    if (stored && stored.value() && memory().current) stored.value()->bytes = *memory().current;
    return stored;
  }
};

struct Overwrites : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (draft.keep_as && draft.expected == now()) memory().previous.erase(*draft.keep_as);
    return base().commit(draft);
  }
};

struct AsideWhatever : Broken {
  using Broken::Broken;
  Result<std::string> set_aside(const Revision& /*damaged*/, std::uint64_t generation) override {
    return base().set_aside(now(), generation);
  }
};

/// Copies the damaged state away, and leaves it in its place.
struct AsideStays : Broken {
  using Broken::Broken;
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    const auto kept = memory().current;
    auto place = base().set_aside(damaged, generation);
    if (place) memory().current = kept;
    return place;
  }
};

struct ForgetsDamagedNumber : Broken {
  using Broken::Broken;
  Result<StateHistory> history() override {
    auto history = base().history();
    const auto& previous = history.value().previous;
    history.value().generation_max = previous.empty() ? 0 : previous.front();
    return history;
  }
};

struct DropsAside : Broken {
  using Broken::Broken;
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    if (!memory().previous.contains(generation)) return base().set_aside_previous(generation);
    memory().previous.erase(generation);
    return std::string("nowhere");
  }
};

struct LimitInWords : Broken {
  using Broken::Broken;
  [[nodiscard]] StoreLimits limits() const override { return {.size_max = 1000}; }
};

struct CutsLong : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    other.image = draft.image.first(std::min<std::size_t>(draft.image.size(), 8192));
    return base().commit(other);
  }
};

/// Looks once, and believes that nobody else saves.
struct Remembers : Broken {
  using Broken::Broken;
  Result<Revision> revision() override {
    if (!seen_) seen_ = now();
    return *seen_;
  }
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    seen_.reset();
    return base().commit(draft);
  }
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    seen_.reset();
    return base().set_aside(damaged, generation);
  }

 private:
  std::optional<Revision> seen_;
};

struct NoLock : Broken {
  using Broken::Broken;
  Result<std::unique_ptr<Lock>> lock(const LockWait&) override { return std::make_unique<Lock>(); }
};

/// Compares, and commits some time later.
struct LateCompare : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    StateDraft other = draft;
    const Revision seen = now();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (seen == draft.expected) other.expected = now();
    return base().commit(other);
  }
};

/// The same, under a lock that excludes nobody.
struct LateUnlocked : LateCompare {
  using LateCompare::LateCompare;
  [[nodiscard]] StoreLimits limits() const override { return {.needs_lock = true}; }
  Result<std::unique_ptr<Lock>> lock(const LockWait&) override { return std::make_unique<Lock>(); }
};

struct LostIsUnchanged : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    auto done = base().commit(draft);
    if (!done && done.error().fate == Fate::unknown) done.error().fate = Fate::unchanged;
    return done;
  }
};

struct LostIsDone : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (!std::exchange(memory().lose_answer, false)) return base().commit(draft);
    return StoreReceipt{.revision = {"lost"}};
  }
};

struct ConflictUnknown : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    auto done = base().commit(draft);
    if (!done) done.error().fate = Fate::unknown;
    return done;
  }
};

struct ConflictUnnamed : Broken {
  using Broken::Broken;
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    auto done = base().commit(draft);
    if (!done) done.error().kind = ErrorKind::system;
    return done;
  }
};

}  // namespace

std::vector<PlantedBreach> planted_breaches() {
  const std::string compares = "a commit compares";
  const std::string found = "a commit is what load finds";
  const std::string kept = "previous generations are kept and dropped";
  const std::string aside = "a damaged state is set aside";
  const std::string lost = "a lost answer is told";
  return {
      {"no compare", plant<NoCompare>(), compares},
      {"no state is any state", plant<AbsentIsAny>(), compares},
      {"refused and visible", plant_reaching<VisibleBefore>(), compares},
      {"refused and dropped", plant_reaching<DropsBefore>(), compares},
      {"a conflict of unknown fate", plant<ConflictUnknown>(), compares},
      {"a conflict without its kind", plant<ConflictUnnamed>(), compares},
      {"five revisions", plant<FewRevisions>(), "no revision comes back"},
      {"done and forgotten", plant<Forgets>(), found},
      {"no state taken for an empty one", plant<AbsentIsEmpty>(), "a new state is absent"},
      {"an empty state taken for none", plant<EmptyIsAbsent>(), found},
      {"a long state is cut", plant<CutsLong>(), found},
      {"nothing is dropped", plant<NoDrop>(), kept},
      {"nothing is kept", plant<NoKeep>(), kept},
      {"the oldest comes first", plant<OldestFirst>(), kept},
      {"previous is current", plant_reaching<PreviousIsCurrent>(), kept},
      {"evidence is overwritten", plant_reaching<Overwrites>(),
       "no previous generation is overwritten"},
      {"any state is set aside", plant<AsideWhatever>(), aside},
      {"set aside and still there", plant_reaching<AsideStays>(), aside},
      {"a damaged number is forgotten", plant<ForgetsDamagedNumber>(), aside},
      {"set aside is dropped", plant_reaching<DropsAside>(), "a previous generation is set aside"},
      {"a limit in words", plant<LimitInWords>(), "a size limit is kept"},
      {"lost is unchanged", plant<LostIsUnchanged>(), lost},
      {"lost is done", plant_reaching<LostIsDone>(), lost},
      {"one look for good", plant<Remembers>(), "another handle's commit is seen"},
      {"a lock for all", plant<NoLock>(), "the lock excludes"},
      {"a late compare", plant<LateCompare>(), "writers without the lock lose nothing"},
      {"a late compare, and a lock for all", plant<LateUnlocked>(),
       "writers under the lock lose nothing"},
  };
}

}  // namespace perdure::test
