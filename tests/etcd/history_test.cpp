// SPDX-License-Identifier: BSL-1.0
// The check of histories finds what it is for: in texts, and of stores that lie.
#include "history.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <perdure/forwarding_store.hpp>
#include <perdure/testing/memory_store.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "updater.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

std::string fault_of(const std::string& one, const std::string& other, std::uint64_t final_value) {
  History history;
  REQUIRE(add_told(history, one) == "");
  REQUIRE(add_told(history, other) == "");
  return fault_in(history, final_value);
}

/// The lies of a store, told at every seventh commit.
enum class Lie {
  none,
  lost,       ///< It calls done what it does not do.
  undone,     ///< It calls unchanged what it does.
  conflict,   ///< It calls overtaken what it does, so that the tracker does it again.
  late,       ///< It calls unknown what it does after the next commit, and compares nothing.
  unsettled,  ///< It calls unchanged what it does after the next commit, and compares nothing.
};

class LyingStore : public ForwardingStore {
 public:
  LyingStore(testing::StateMemory& memory, Lie lie, unsigned& commits)
      : ForwardingStore(std::make_unique<testing::MemoryStore>(memory)),
        lie_(lie),
        commits_(commits) {}

  [[nodiscard]] StoreLimits limits() const override {
    StoreLimits limits = base().limits();
    limits.needs_lock = false;
    return limits;
  }
  Result<StoreReceipt> commit(const StateDraft& draft) override {
    const bool lies = ++commits_ % 7 == 0 && lie_ != Lie::none;
    if (lies && lie_ == Lie::lost) return StoreReceipt{.revision = {"lost"}};
    if (lies && (lie_ == Lie::late || lie_ == Lie::unsettled)) {
      late_ = Buffer(draft.image.begin(), draft.image.end());
      return error(ErrorKind::system, lie_ == Lie::late ? Fate::unknown : Fate::unchanged);
    }
    auto done = base().commit(draft);
    if (done && lies) return error(lie_ == Lie::conflict ? ErrorKind::conflict : ErrorKind::system);
    if (done && late_) {
      REQUIRE_OK(base().commit({.image = *std::exchange(late_, {}),
                                .expected = done.value().revision,
                                .keep_as = {},
                                .drop = {}}));
    }
    return done;
  }

 private:
  static Error error(ErrorKind kind, Fate fate = Fate::unchanged) {
    Error made;
    made.kind = kind;
    made.fate = fate;
    made.step = "save the state";
    return made;
  }

  Lie lie_;
  unsigned& commits_;
  std::optional<Buffer> late_;
};

}  // namespace

TEST_CASE("a history in one order has no fault, and a last line without its end does not count") {
  CHECK(fault_of("begin 1 1\ndone 1 2 1 1\nread 3 4 2 2\nbegin 2 5\nunknown 2 6\n"
                 "fence 7 8 3 4\nfound 2 9 3\nbegin 3 10\nundone 3 11\nbegin",
                 "begin 1 1\ndone 1 6 2 2\nbegin 2 7\nunknown 2 8\nread 9 10 3 4\nmissing 2 11\n",
                 3) == "");
  // A killed program's successor has found its update.
  CHECK(fault_of("begin 1 1\nfence 5 6 1 2\nfound 1 7 1\n", "", 1) == "");
}

TEST_CASE("each fault in a history is found") {
  const std::string good = "begin 1 1\ndone 1 2 1 1\n";
  CHECK_THAT(fault_of(good, "", 0), Contains("lost"));
  CHECK_THAT(fault_of(good, "", 2), Contains("nobody made 2"));
  CHECK_THAT(fault_of(good, "begin 1 3\n", 1), Contains("never settled"));
  CHECK_THAT(fault_of(good, "begin 1 3\nunknown 1 4\n", 1), Contains("never settled"));
  CHECK_THAT(fault_of(good, "begin 1 3\ndone 1 4 1 2\n", 1), Contains("made twice"));
  CHECK_THAT(fault_of(good, "begin 1 3\ndone 1 4 2 1\n", 2), Contains("given twice"));
  CHECK_THAT(fault_of(good, "fence 3 4 1 1\n", 1), Contains("given twice"));
  CHECK_THAT(fault_of(good, "read 3 4 0 1\n", 1), Contains("given twice"));
  CHECK_THAT(fault_of(good, "read 3 4 0 0\n", 1), Contains("began after the end"));
  CHECK_THAT(fault_of(good, "read 0 0 1 1\n", 1), Contains("began after the end"));
  CHECK_THAT(fault_of("begin 1 3\ndone 1 4 1 1\n", "begin 1 1\ndone 1 2 2 2\n", 2),
             Contains("began after the end"));
  CHECK_THAT(fault_of("begin 1 1\ndone 1 9 1 2\n", "begin 1 1\ndone 1 9 2 1\n", 2),
             Contains("higher number"));
}

TEST_CASE("a text that no program tells is not taken for a history") {
  const std::string bad =
      GENERATE(as<std::string>(), "done 1 2 1 1", "begin 1 1\nbegin 1 2", "begin", "read 1 2 3",
               "begin 1 1\nunknown 1 2\ndone 1 3 1 1", "begin 1 1\ndone 1", "begin 1 1\nlost 1 2");
  History history;
  CHECK(add_told(history, bad + "\n") != "");
}

TEST_CASE(
    "the updates over a store that lies are not in one order, and those over a good one are") {
  const Lie lie =
      GENERATE(Lie::none, Lie::lost, Lie::undone, Lie::conflict, Lie::late, Lie::unsettled);
  const TempDirectory at(Medium::memory);
  const SharedCounts counts;
  testing::StateMemory memory;
  unsigned commits = 0;
  UpdaterOptions options;
  options.told = at.file("told");
  options.total = 40;
  options.open = [&]() -> Result<std::unique_ptr<StateStore>> {
    return std::make_unique<LyingStore>(memory, lie, commits);
  };
  REQUIRE(update_in_turns(options, *counts) == "all");
  const Tally tally = settle(options, *counts);
  History history;
  REQUIRE(add_told(history, at.get("told")) == "");
  const std::string fault = fault_in(history, tally.value);
  INFO(static_cast<int>(lie) << ": " << fault);
  CHECK(fault.empty() == (lie == Lie::none));
}
