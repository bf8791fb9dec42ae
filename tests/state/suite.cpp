// SPDX-License-Identifier: BSL-1.0
#include "suite.hpp"

#include <atomic>

namespace perdure::test {

class SuiteState::Handle final : public ForwardingStore {
 public:
  Handle(std::unique_ptr<StateStore> base, SuiteState& state)
      : ForwardingStore(std::move(base)), state_(state) {}

  Result<StoreReceipt> commit(const StateDraft& draft) override {
    if (state_.disturbed > 0) {
      --state_.disturbed;
      state_.before();
    }
    if (!state_.failures.empty()) {
      Error error = std::move(state_.failures.back());
      state_.failures.pop_back();
      return error;
    }
    auto done = base().commit(draft);
    if (done) ++state_.commits;
    if (!done || !std::exchange(state_.lose_answer, false)) return done;
    return Error{.kind = ErrorKind::system, .fate = Fate::unknown, .detail = "no answer"};
  }

 private:
  SuiteState& state_;
};

SuiteState::SuiteState(const StoreKind& kind) : kind_(kind) {
  static std::atomic<unsigned> states = 0;
  name_ = "suite-" + std::to_string(++states);
}

std::unique_ptr<StateStore> SuiteState::open() {
  return std::make_unique<Handle>(plain(), *this);
}

void SuiteState::replace(Bytes bytes) const {
  const auto store = plain();
  const auto lock = store->lock({}).value();
  REQUIRE_OK(store->commit(
      {.image = bytes, .expected = store->revision().value(), .keep_as = {}, .drop = {}}));
}

void SuiteState::take_away(std::uint64_t generation) const {
  const auto store = plain();
  const auto lock = store->lock({}).value();
  REQUIRE_OK(store->set_aside(store->revision().value(), generation));
}

}  // namespace perdure::test
