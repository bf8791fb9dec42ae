// SPDX-License-Identifier: BSL-1.0
// The rules of a store that need one handle at a time.
#include <algorithm>
#include <array>
#include <set>

#include "testing/stores/rule_check.hpp"

namespace perdure::testing {
namespace {

StateDraft draft_of(const Buffer& content, Revision expected) {
  return {.image = content, .expected = std::move(expected), .keep_as = {}, .drop = {}};
}

/// Commits content 2, and keeps the state before as generation 1.
std::optional<Revision> save_second(RuleCheck& rule, StateStore& store, const Revision& first) {
  const Buffer second = content_of(2);
  StateDraft draft = draft_of(second, first);
  draft.keep_as = 1;
  return rule.save(store, std::move(draft));
}

void check_new(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  rule.expect_absent(*store, "before the first commit");
  const auto history = rule.expect_history(*store, {}, 0);
  if (history) {
    rule.expect(history->generation_max == 0, "generation_max is not 0 before the first commit");
  }
  const auto previous = rule.got(store->load_previous(1), "load_previous");
  if (previous) rule.expect(!previous->has_value(), "a previous generation is there");
  rule.expect(!store->describe().empty(), "describe has no words");
  rule.expect_conflict(*store, Revision{"invented"}, "an invented revision, where no state is,");
  rule.expect_absent(*store, "after a commit that was refused");
}

void check_content(RuleCheck& rule) {
  auto store = rule.open();
  if (!store) return;
  const std::size_t size_max = static_cast<std::size_t>(
      std::min<std::uint64_t>(rule.options.size_max, store->limits().size_max));
  std::optional<Revision> revision = Revision{};
  for (const std::size_t wanted : {std::size_t{5}, std::size_t{0}, std::size_t{1},
                                   std::size_t{4096}, std::size_t{70'001}, size_max}) {
    const Buffer content = content_of(wanted, std::min(wanted, size_max));
    revision = rule.save(*store, draft_of(content, *revision));
    if (!revision) return;
    store.reset();
    store = rule.open();
    if (!store || !rule.expect_current(*store, content, "by another handle")) return;
    revision = rule.got(store->revision(), "revision");
    if (!revision) return;
  }
}

void check_compare(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  const auto first = rule.save_generations(*store, 1);
  if (!first) return;
  const auto current = save_second(rule, *store, *first);
  if (!current) return;
  rule.expect_conflict(*store, *first, "the revision before");
  rule.expect_conflict(*store, Revision{}, "no state");
  rule.expect_conflict(*store, Revision{"invented"}, "an invented revision");
  rule.expect_current(*store, content_of(2), "after commits that were refused", &*current);
  rule.expect_previous(*store, 1, content_of(1));
}

void check_revisions(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  std::set<std::string> seen;
  Revision revision;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    if (i == 7) {
      const auto moved = rule.got(store->set_aside(revision, i), "set_aside");
      if (!moved) return;
      revision = {};
    }
    const Buffer content = content_of(i % 4 == 0 ? 1 : 2);
    StateDraft draft = draft_of(content, revision);
    if (!revision.is_absent()) draft.keep_as = i;
    const auto next = rule.save(*store, std::move(draft));
    if (!next) return;
    if (!rule.expect(seen.insert(next->token).second,
                     "a revision came back after " + std::to_string(i - 1) + " commits")) {
      return;
    }
    revision = *next;
  }
}

void check_previous(RuleCheck& rule) {
  auto store = rule.open();
  if (!store || !rule.save_generations(*store, 3)) return;
  rule.expect_history(*store, {2, 1}, 0);
  rule.expect_previous(*store, 1, content_of(1));
  rule.expect_previous(*store, 2, content_of(2));
  const auto revision = rule.got(store->revision(), "revision");
  if (!revision) return;
  const Buffer fourth = content_of(4);
  if (!rule.save(*store,
                 {.image = fourth, .expected = *revision, .keep_as = 3, .drop = {1, 4711}})) {
    return;
  }
  for (int handle = 0; handle < 2; ++handle) {
    rule.expect_history(*store, {3, 2}, 0);
    rule.expect_previous(*store, 3, content_of(3));
    const auto dropped = rule.got(store->load_previous(1), "load_previous");
    if (dropped) rule.expect(!dropped->has_value(), "a generation that was dropped can be loaded");
    store.reset();
    store = rule.open();
    if (!store) return;
  }
}

void check_kept_name(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  const auto current = rule.save_generations(*store, 2);  // content 1 is generation 1
  if (!current) return;
  const Buffer third = content_of(3);
  StateDraft draft = draft_of(third, *current);
  draft.keep_as = 1;  // content 2 shall be that, too
  if (!rule.save(*store, std::move(draft))) return;
  rule.expect_previous(*store, 1, content_of(2));
  rule.expect_history(*store, {1}, 1);
}

void check_set_aside(RuleCheck& rule) {
  auto store = rule.open();
  if (!store) return;
  const auto first = rule.save_generations(*store, 1);
  if (!first) return;
  const auto current = save_second(rule, *store, *first);
  if (!current) return;
  const auto wrong = store->set_aside(*first, 9);
  if (rule.expect(!wrong, "a state was set aside by the revision of another one")) {
    rule.expect(wrong.error().kind == ErrorKind::conflict && wrong.error().fate == Fate::unchanged,
                "set_aside of another state is not refused as a conflict");
  }
  const auto place = rule.got(store->set_aside(*current, 9), "set_aside");
  if (!place) return;
  rule.expect(!place->empty(), "set_aside does not say where the state went");
  for (int handle = 0; handle < 2; ++handle) {
    if (!rule.expect_absent(*store, "after set_aside")) return;
    rule.expect_previous(*store, 1, content_of(1));
    const auto history = rule.expect_history(*store, {1}, 1);
    if (history) {
      rule.expect(history->generation_max >= 9, "generation_max forgot the damaged state's");
    }
    store.reset();
    store = rule.open();
    if (!store) return;
  }
  rule.expect_conflict(*store, *current, "a state that was set aside");
  const Buffer next = content_of(10);
  const auto again = rule.save(*store, draft_of(next, {}));
  if (!again || !rule.got(store->set_aside(*again, 9), "set_aside")) return;
  rule.expect_history(*store, {1}, 2);
}

void check_previous_aside(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  const auto current = rule.save_generations(*store, 2);
  if (!current || !rule.got(store->set_aside_previous(1), "set_aside_previous")) return;
  rule.expect_history(*store, {}, 1);
  const auto gone = rule.got(store->load_previous(1), "load_previous");
  if (gone) rule.expect(!gone->has_value(), "a generation that was set aside can be loaded");
  rule.expect_current(*store, content_of(2), "after set_aside_previous", &*current);
  const auto missing = store->set_aside_previous(1);
  rule.expect(!missing && missing.error().cause == std::errc::no_such_file_or_directory,
              "set_aside_previous of a generation that is not there does not say so");
}

void check_size(RuleCheck& rule) {
  const auto store = rule.open();
  if (!store) return;
  const std::uint64_t size_max = store->limits().size_max;
  if (size_max >= rule.options.size_max) {
    return rule.leave_out("limits().size_max is not below the largest state that is tried");
  }
  const auto current = rule.save_generations(*store, 1);
  if (!current) return;
  const Buffer large = content_of(5, static_cast<std::size_t>(size_max) + 1);
  const auto refused = store->commit(draft_of(large, *current));
  if (rule.expect(!refused, "a state above limits().size_max was committed")) {
    rule.expect(refused.error().kind == ErrorKind::invalid_argument &&
                    refused.error().fate == Fate::unchanged,
                "a state above limits().size_max is not refused as an invalid argument");
  }
  rule.expect_current(*store, content_of(1), "after one that was too large", &*current);
}

void check_lost_answer(RuleCheck& rule) {
  auto store = rule.open();
  if (!store) return;
  Revision revision;
  Buffer before;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const Buffer content = content_of(number);
    rule.lose_answer();
    const auto done = store->commit(draft_of(content, revision));
    const Fate fate = done ? Fate::durable : done.error().fate;
    const auto stored = rule.got(store->load(), "load");
    if (!stored) return;
    const bool is_new = is_content(*stored, content);
    const bool is_old = number == 1 ? !stored->has_value() : is_content(*stored, before);
    if (!rule.expect(is_new || is_old, "a lost answer left neither the old state nor the new")) {
      return;
    }
    rule.expect(fate != Fate::unchanged || is_old,
                "a commit whose answer was lost is said to have changed nothing, and did");
    rule.expect(fate == Fate::unchanged || fate == Fate::unknown || is_new,
                "a commit whose answer was lost is said to be done, and is not");
    const Buffer next = content_of(number + 10);
    const auto saved =
        rule.save(*store, draft_of(next, *stored ? (*stored)->revision : Revision{}));
    if (!saved) return;
    revision = *saved;
    before = next;
  }
}

}  // namespace

std::vector<StoreRule> rules_of_one_handle() {
  return {{"a new state is absent", check_new},
          {"a commit is what load finds", check_content},
          {"a commit compares", check_compare},
          {"no revision comes back", check_revisions},
          {"previous generations are kept and dropped", check_previous},
          {"no previous generation is overwritten", check_kept_name},
          {"a damaged state is set aside", check_set_aside},
          {"a previous generation is set aside", check_previous_aside},
          {"a size limit is kept", check_size},
          {"a lost answer is told", check_lost_answer, StoreRule::Needs::lost_answers}};
}

}  // namespace perdure::testing
