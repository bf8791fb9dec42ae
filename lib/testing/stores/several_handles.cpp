// SPDX-License-Identifier: BSL-1.0
// The rules of a store that need several handles on one state.
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "testing/stores/rule_check.hpp"

namespace perdure::testing {
namespace {

StateDraft draft_of(const Buffer& content, Revision expected) {
  return {.image = content, .expected = std::move(expected), .keep_as = {}, .drop = {}};
}

void check_others(RuleCheck& rule) {
  const auto one = rule.open();
  const auto other = rule.open();
  if (!one || !other || !rule.expect_absent(*other, "before the first commit")) return;
  const Buffer first = content_of(1);
  const auto ours = rule.save(*one, draft_of(first, {}));
  if (!ours || !rule.expect_current(*other, first, "by the other handle")) return;
  rule.expect_conflict(*other, Revision{}, "no state, after the other handle's commit,");
  const auto theirs = rule.got(other->revision(), "revision");
  if (!theirs) return;
  const Buffer second = content_of(2);
  StateDraft draft = draft_of(second, *theirs);
  draft.keep_as = 1;
  if (!rule.save(*other, std::move(draft))) return;
  const auto seen = rule.got(one->revision(), "revision");
  if (!seen) return;
  rule.expect(*seen != *ours, "a handle does not see that another one committed");
  rule.expect_conflict(*one, *ours, "the revision before the other handle's commit");
  if (!rule.expect_current(*one, second, "by the handle that did not commit it")) return;
  rule.expect_history(*one, {1}, 0);
  rule.expect_previous(*one, 1, first);
  const auto now = rule.got(one->revision(), "revision");
  if (!now || !rule.got(one->set_aside(*now, 2), "set_aside")) return;
  rule.expect_absent(*other, "after the other handle's set_aside");
}

void check_lock(RuleCheck& rule) {
  using std::chrono::milliseconds;
  const auto one = rule.open();
  const auto other = rule.open();
  if (!one || !other) return;
  {
    const auto held = rule.got(one->lock({milliseconds(0), {}}), "taking a lock that is free");
    if (!held) return;
    const auto refused = other->lock({milliseconds(0), {}});
    if (rule.expect(!refused, "two handles hold the lock at a time")) {
      rule.expect(refused.error().kind == ErrorKind::lock_timeout,
                  "a lock that another handle holds is not refused as a lock_timeout");
    }
  }
  rule.got(other->lock({std::chrono::seconds(10), {}}),
           "taking a lock that another handle gave back");
}

/// A number in a state of 64 bytes.
Buffer counted(std::uint64_t number) {
  Buffer bytes = content_of(number);
  std::memcpy(bytes.data() + bytes.size() - sizeof(number), &number, sizeof(number));
  return bytes;
}
std::uint64_t count_in(const std::optional<StoredState>& stored) {
  std::uint64_t number = 0;
  if (!stored || stored->bytes.size() < sizeof(number)) return number;
  std::memcpy(&number, stored->bytes.data() + stored->bytes.size() - sizeof(number),
              sizeof(number));
  return number;
}

/// Handles that count one state up, and the answers that each got.
class Writers {
 public:
  Writers(RuleCheck& rule, bool locking) : rule_(rule), locking_(locking) {}

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < rule_.options.writers; ++i) threads.emplace_back([this] { write(); });
    for (auto& thread : threads) thread.join();
    for (const auto& words : failures_) rule_.expect(false, words);
    const auto store = rule_.open();
    if (!store) return;
    const auto stored = rule_.got(store->load(), "load");
    if (!stored || !failures_.empty()) return;
    const std::uint64_t acknowledged = numbers_.size();
    rule_.expect(count_in(*stored) == acknowledged,
                 std::to_string(acknowledged) +
                     " commits were acknowledged, and the state counts " +
                     std::to_string(count_in(*stored)));
    rule_.expect(revisions_.size() == acknowledged, "two commits got one revision");
  }

 private:
  void write() {
    auto opened = rule_.open_quietly();
    if (!opened) return fail("opening a handle failed: " + opened.error().message());
    StateStore& store = *opened.value();
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    for (unsigned saves = 0; saves < rule_.options.writer_saves;) {
      if (std::chrono::steady_clock::now() > end) return fail("a writer found no end");
      auto saved = count_up(store);
      if (!saved) return fail("a commit among others failed: " + saved.error().message());
      if (saved.value()) ++saves;
    }
  }

  /// False where another handle was faster.
  Result<bool> count_up(StateStore& store) {
    std::unique_ptr<StateStore::Lock> lock;
    if (locking_) {
      BOOST_OUTCOME_TRY(lock, store.lock({std::chrono::minutes(1), {}}));
    }
    BOOST_OUTCOME_TRY(const auto stored, store.load());
    const std::uint64_t next = count_in(stored) + 1;
    const Buffer content = counted(next);
    const auto done = store.commit(draft_of(content, stored ? stored->revision : Revision{}));
    if (!done && done.error().kind == ErrorKind::conflict && !locking_) return false;
    if (!done) return done.error();
    const std::lock_guard guard(mutex_);
    if (!numbers_.insert(next).second) failures_.emplace_back("two commits made one number");
    revisions_.insert(done.value().revision.token);
    return true;
  }

  void fail(std::string words) {
    const std::lock_guard guard(mutex_);
    failures_.push_back(std::move(words));
  }

  RuleCheck& rule_;
  bool locking_;
  std::mutex mutex_;
  std::set<std::uint64_t> numbers_;
  std::set<std::string> revisions_;
  std::vector<std::string> failures_;
};

void check_writers(RuleCheck& rule) {
  Writers(rule, true).run();
}

void check_fence(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  if (store->limits().needs_lock) {
    return rule.leave_out("the store says that its compare needs the lock");
  }
  Writers(rule, false).run();
}

}  // namespace

std::vector<StoreRule> rules_of_several_handles() {
  constexpr auto needs = StoreRule::Needs::several_handles;
  return {{"another handle's commit is seen", check_others, needs},
          {"the lock excludes", check_lock, needs},
          {"writers under the lock lose nothing", check_writers, needs},
          {"writers without the lock lose nothing", check_fence, needs}};
}

}  // namespace perdure::testing
