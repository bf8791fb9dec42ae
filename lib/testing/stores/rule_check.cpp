// SPDX-License-Identifier: BSL-1.0
// The steps by which the rules of a store are checked.
#include "testing/stores/rule_check.hpp"

#include <algorithm>

namespace perdure::testing {

Buffer content_of(std::uint64_t seed, std::size_t size) {
  Buffer bytes(size);
  std::uint64_t mixed = seed * 0x9E37'79B9'7F4A'7C15U;
  for (std::size_t i = 1; i < size; ++i) {
    mixed = mixed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    bytes[i] = static_cast<std::byte>(mixed >> 56U);
  }
  return bytes;
}

bool is_content(const std::optional<StoredState>& stored, Bytes content) {
  return stored && !stored->revision.is_absent() && std::ranges::equal(stored->bytes, content);
}

bool RuleCheck::expect(bool holds, std::string_view words) {
  if (!holds) check_.findings.push_back(std::string(rule_) + ": " + std::string(words));
  return holds;
}

void RuleCheck::failed(std::string_view act, const Error& error) {
  expect(false, std::string(act) + " failed: " + error.message());
}

void RuleCheck::leave_out(std::string_view why) {
  left_out_ = true;
  check_.left_out.push_back(std::string(rule_) + ": " + std::string(why));
}

Result<std::unique_ptr<StateStore>> RuleCheck::open_quietly() const {
  std::string name(rule_);
  std::ranges::replace_if(
      name, [](char c) { return c < 'a' || c > 'z'; }, '-');
  return factory_.open(name);
}

std::unique_ptr<StateStore> RuleCheck::open() {
  auto store = got(open_quietly(), "opening a handle");
  return store ? std::move(*store) : nullptr;
}

std::optional<Revision> RuleCheck::save(StateStore& store, StateDraft draft) {
  const auto lock = got(store.lock({std::chrono::seconds(10), {}}), "taking the lock");
  if (!lock) return std::nullopt;
  const Bytes image = draft.image;
  const auto receipt = got(store.commit(draft), "a commit on top of the current state");
  if (!receipt) return std::nullopt;
  if (!expect(!receipt->revision.is_absent(), "a commit returned the revision of no state")) {
    return std::nullopt;
  }
  if (!expect_current(store, image, "after a commit", &receipt->revision)) return std::nullopt;
  return receipt->revision;
}

std::optional<Revision> RuleCheck::save_generations(StateStore& store, std::uint64_t count) {
  std::optional<Revision> revision = Revision{};
  for (std::uint64_t number = 1; number <= count && revision; ++number) {
    const Buffer content = content_of(number);
    StateDraft draft{.image = content, .expected = *revision, .keep_as = {}, .drop = {}};
    if (number > 1) draft.keep_as = number - 1;
    revision = save(store, std::move(draft));
  }
  return revision;
}

void RuleCheck::expect_conflict(StateStore& store, const Revision& expected,
                                std::string_view whose) {
  const auto lock = got(store.lock({std::chrono::seconds(10), {}}), "taking the lock");
  if (!lock) return;
  const auto before = got(store.load(), "load");
  const auto history = got(store.history(), "history");
  if (!before || !history) return;
  const Buffer content = content_of(99);
  const auto done =
      store.commit({.image = content, .expected = expected, .keep_as = 77, .drop = {1}});
  const std::string words = "a commit that expects " + std::string(whose);
  if (expect(!done, words + " was done")) {
    expect(done.error().kind == ErrorKind::conflict, words + " is refused as " +
                                                         std::string(to_string(done.error().kind)) +
                                                         ", not as a conflict");
    expect(done.error().fate == Fate::unchanged,
           words + " is refused with the fate " + std::string(to_string(done.error().fate)));
  }
  const auto after = got(store.load(), "load");
  const auto later = got(store.history(), "history");
  if (!after || !later) return;
  expect(before->has_value() == after->has_value() &&
             (!*before || (*before)->bytes == (*after)->bytes),
         words + " changed the state all the same");
  expect(history->previous == later->previous && history->damaged == later->damaged,
         words + " changed the history all the same");
}

bool RuleCheck::expect_current(StateStore& store, Bytes content, std::string_view when,
                               const Revision* revision) {
  const std::string moment(when);
  const auto now = got(store.revision(), "revision");
  const auto stored = got(store.load(), "load");
  if (!now || !stored) return false;
  if (!expect(stored->has_value(), "load finds no state " + moment)) return false;
  if (!expect(std::ranges::equal((*stored)->bytes, content),
              "load finds other bytes " + moment + ": " + std::to_string((*stored)->bytes.size()) +
                  ", " + std::to_string(content.size()) + " were saved")) {
    return false;
  }
  if (!expect((*stored)->revision == *now, "load and revision differ " + moment)) return false;
  if (!expect(!now->is_absent(), "the revision is that of no state " + moment)) return false;
  return revision == nullptr ||
         expect(*now == *revision, "the revision is not that of the receipt " + moment);
}

bool RuleCheck::expect_absent(StateStore& store, std::string_view when) {
  const std::string moment(when);
  const auto now = got(store.revision(), "revision");
  const auto stored = got(store.load(), "load");
  if (!now || !stored) return false;
  const bool none = expect(!stored->has_value(), "load finds a state " + moment);
  return expect(now->is_absent(), "the revision is that of a state " + moment) && none;
}

bool RuleCheck::expect_previous(StateStore& store, std::uint64_t generation, Bytes content) {
  const std::string which = "previous generation " + std::to_string(generation);
  const auto stored = got(store.load_previous(generation), "load_previous");
  return stored && expect(stored->has_value(), which + " is not there") &&
         expect(is_content(*stored, content), which + " has other bytes");
}

std::optional<StateHistory> RuleCheck::expect_history(StateStore& store,
                                                      const std::vector<std::uint64_t>& previous,
                                                      std::size_t damaged) {
  const auto history = got(store.history(), "history");
  if (!history) return std::nullopt;
  const auto listed = [](const std::vector<std::uint64_t>& numbers) {
    std::string text;
    for (const auto number : numbers) text += ' ' + std::to_string(number);
    return text.empty() ? std::string(" none") : text;
  };
  expect(history->previous == previous, "history lists the previous generations" +
                                            listed(history->previous) + ", there are" +
                                            listed(previous));
  expect(history->damaged.size() == damaged,
         "history lists " + std::to_string(history->damaged.size()) + " damaged states, " +
             std::to_string(damaged) + " were set aside");
  const std::uint64_t highest = previous.empty() ? 0 : previous.front();
  expect(history->generation_max >= highest, "generation_max is below a previous generation");
  return history;
}

}  // namespace perdure::testing
