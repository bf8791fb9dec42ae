// SPDX-License-Identifier: BSL-1.0
// How a state is saved, reloaded and restored.
#include <algorithm>

#include <perdure/detail/caught.hpp>
#include <perdure/system/environment.hpp>

#include "base/checksum.hpp"
#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "state/image_sink.hpp"
#include "state/saved_state.hpp"
#include "state/store_errors.hpp"

namespace perdure::detail {
namespace {

constexpr std::string_view save_step = "save the state";
constexpr std::string_view restore_step = "restore an earlier generation";

}  // namespace

/// Before a save, under the lock: finds changes that others made since the state was read. Commits
/// of another tracker are taken over; any other change is a conflict.
Result<void> SavedState::catch_up() {
  BOOST_OUTCOME_TRY(const Revision now, store_->revision());
  if (now == stored_.revision) return success();
  const auto conflict = [&](std::string words) {
    return failure(save_step, ErrorKind::conflict, std::move(words));
  };
  if (now.is_absent()) {
    return conflict(std::string(removed_words));
  }
  // Before the state, as in `find`: without a lock others may save in between. Generations that are
  // newer than the state would tell of a loss.
  BOOST_OUTCOME_TRY(auto history, store_->history());
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  if (!stored) return conflict(std::string(removed_words));
  auto loaded = codec_->load(stored->bytes);
  if (!loaded) {
    Error error = at_path(std::move(loaded.error()));
    if (error.kind == ErrorKind::corrupt) error.kind = ErrorKind::conflict;
    error.step = save_step;
    error.reading = false;
    return error;
  }
  if (!loaded.value().stamped) {
    return conflict(
        "somebody else changed the file since it was read; reload to take their change");
  }
  if (!descends(standing_of(loaded.value(), *stored))) {
    return conflict("somebody put another copy in its place, or saved on top of one: generation " +
                    std::to_string(loaded.value().stamp.generation) + " does not hold generation " +
                    std::to_string(shown().stamp.generation) +
                    ", which this program has; reload to take it");
  }
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  BOOST_OUTCOME_TRY(
      Found found, take_current(std::move(loaded.value()), std::move(*stored), std::move(history)));
  if (found.report.origin == Origin::replaced) {
    return conflict(found.report.reason + "; reload to take it");
  }
  stored_ = std::move(found.stored);
  return publish(std::move(found.state), std::move(found.report));
}

Result<void> SavedState::check_outcome_known() const {
  if (!outcome_unknown_) return success();
  return failure(save_step, ErrorKind::recovery_required,
                 "what became of an earlier save is not known here; reload first");
}

/// The draft to be committed, but for the image; `kept` are the previous generations after it.
Result<StateDraft> SavedState::draft(const Stamp& stamp, std::vector<std::uint64_t>& kept) const {
  StateDraft made{.image = {}, .expected = stored_.revision, .keep_as = {}, .drop = {}};
  if (stamp.generation == 0) {
    return failure(save_step, ErrorKind::unsupported,
                   "the generation numbers are used up: some file beside it bears the last one");
  }
  kept = stored_.previous;
  for (const auto number : stored_.newer) std::erase(kept, number);
  if (stored_.exists && stored_.keepable && options_.previous_max > 0) {
    made.keep_as = stored_.generation;
    kept.insert(kept.begin(), stored_.generation);
  }
  if (kept.size() > options_.previous_max) {
    made.drop.assign(kept.begin() + options_.previous_max, kept.end());
    kept.resize(options_.previous_max);
  }
  return made;
}

/// The lineage of the next save. After a loss it is a new one, so that a tracker that had the lost
/// state can tell.
Result<Lineage> SavedState::next_lineage() const {
  const Standing& own = stored_.standing;
  if (!codec_->keeps_lineage() || (!own.lost && own.lineage.id != 0)) return own.lineage;
  Lineage drawn{.id = 0, .from = own.lineage.id, .from_generation = own.generation};
  const auto random =
      options_.system.environment->random(std::as_writable_bytes(std::span(&drawn.id, 1)));
  if (!random) {
    Error error = failure(save_step, ErrorKind::system, {});
    error.cause = random.error();
    return error;
  }
  drawn.id = std::max<std::uint64_t>(drawn.id, 1);
  return drawn;
}

/// Some previous generations may be newer than the copy in the state's place, and the newest
/// acknowledged state may be one of them. They are set aside as evidence before anything is saved
/// on top of the copy.
Result<void> SavedState::set_newer_aside() {
  for (; !stored_.newer.empty(); stored_.newer.pop_back()) {
    const std::uint64_t number = stored_.newer.back();
    auto moved = store_->set_aside_previous(number);
    if (!moved && !is_missing(moved.error().cause)) {
      moved.error().fate = Fate::unchanged;  // of the state
      return std::move(moved.error());
    }
    std::erase(stored_.previous, number);
  }
  return success();
}

Result<void> SavedState::commit(std::shared_ptr<const void> value, UnknownMembers unknown,
                                OpenReport report) {
  Stamp stamp;
  stamp.generation = attempted_max_ + 1;
  stamp.last_updated = StampTime(options_.system.environment->wall());
  stamp.schema_version = codec_->schema_version();
  stamp.unknown = std::move(unknown);
  BOOST_OUTCOME_TRY(stamp.lineage, next_lineage());
  std::vector<std::uint64_t> kept;
  BOOST_OUTCOME_TRY(StateDraft made, draft(stamp, kept));
  ImageSink sink(stored_.image_size);
  const auto written = codec_->save(value.get(), stamp, sink);
  if (!written) return at_path(written.error());
  if (!is_ours()) return not_ours();  // an edit or a serializer forked
  const Buffer image = sink.take();
  BOOST_OUTCOME_TRY(check_size(image.size(), store_->limits(), store_->describe()));
  made.image = image;
  const Standing standing{
      .lineage = stamp.lineage, .generation = stamp.generation, .digest = Checksum::of(image)};
  BOOST_OUTCOME_TRY(set_newer_aside());

  const auto receipt = std::make_shared<SaveReceipt>();  // afterwards nothing may fail
  attempted_max_ = stamp.generation;
  outcome_unknown_ = true;  // should this throw half-way
  auto committed = store_->commit(made);
  outcome_unknown_ = !committed && committed.error().fate != Fate::unchanged;
  overtaken_ = !committed && !outcome_unknown_ && committed.error().kind == ErrorKind::conflict;
  if (!committed) return std::move(committed.error());
  receipt->generation = stamp.generation;
  receipt->bytes = image.size();
  receipt->durability = committed.value().durability;
  receipt->stages = std::move(committed.value().stages);
  stored_ = {.revision = std::move(committed.value().revision),
             .exists = true,
             .keepable = true,
             .durable = receipt->durability == Durability::durable,
             .generation = stamp.generation,
             .previous = std::move(kept),
             .newer = {},
             .image_size = image.size(),
             .standing = standing};
  receipt_ = receipt;
  return publish({std::move(value), std::move(stamp), true}, std::move(report));
}

Result<std::shared_ptr<const void>> SavedState::edited(const Edits& edits, bool looked) {
  while (true) {
    BOOST_OUTCOME_TRY(auto copy, codec_->copy(shown().value.get()));
    const EditOutcome outcome = edits(copy.get(), looked);
    if (outcome == EditOutcome::unsure) {
      BOOST_OUTCOME_TRY(catch_up());
      looked = true;
    }
    if (outcome == EditOutcome::nothing) return std::shared_ptr<const void>();
    if (outcome == EditOutcome::done) return std::shared_ptr<const void>(std::move(copy));
  }
}

/// Runs `work`. Where the compare of a commit holds against everybody, it takes no lock, and
/// another tracker may be faster. Then `work` runs again, on top of that tracker's state, for as
/// long as a call would wait for a lock.
Result<void> SavedState::in_turn(const StateStore::Lock* lock,
                                 const std::function<Result<void>()>& work) {
  using std::chrono::milliseconds;
  if (lock != nullptr || exclusive_) return work();
  Environment& environment = *options_.system.environment;
  const auto began = environment.monotonic();
  for (std::uint32_t tries = 0;; ++tries) {
    overtaken_ = false;
    auto done = work();
    if (done || !overtaken_) return done;
    if (std::chrono::floor<milliseconds>(environment.monotonic() - began) >=
        options_.lock_timeout_ms) {
      return failure(save_step, ErrorKind::lock_timeout,
                     "other programs save it all the time, and each was faster");
    }
    BOOST_OUTCOME_TRY(const auto pause, pause_before(tries));
    environment.sleep(pause);
  }
}

/// A random time, longer from try to try, so that trackers which disturbed each other come apart.
Result<std::chrono::nanoseconds> SavedState::pause_before(std::uint32_t tries) const {
  std::uint16_t drawn = 0;
  const auto random =
      options_.system.environment->random(std::as_writable_bytes(std::span(&drawn, 1)));
  if (!random) {
    Error error = failure(save_step, ErrorKind::system, {});
    error.cause = random.error();
    return error;
  }
  constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(1);
  return shortest * (std::int64_t{1} << std::min(tries, 6U)) * drawn / 65'536;
}

Result<void> SavedState::save(const Edits& edits) try {
  BOOST_OUTCOME_TRY(check_outcome_known());
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  const auto try_once = [&](bool looked) -> Result<void> {
    if (looked) {
      BOOST_OUTCOME_TRY(catch_up());
    }
    BOOST_OUTCOME_TRY(auto value, edited(edits, looked));
    if (!value) return success();
    return commit(std::move(value), shown().stamp.unknown, shown().report);
  };
  // A store whose compare holds against everybody refuses a commit after another tracker's save. So
  // the first try makes no look, which would cost as much as the commit. A save that has to move
  // newer generations aside looks first.
  if (!store_->limits().needs_lock && stored_.newer.empty()) {
    overtaken_ = false;
    auto done = try_once(false);
    if (done || !overtaken_) return done;
  }
  return in_turn(lock.get(), [&] { return try_once(true); });
} catch (...) {
  Error error = at_path(caught(save_step));
  if (outcome_unknown_) error.fate = Fate::unknown;
  return error;
}

/// After a save of unknown fate, the state that is found is committed anew. To sync it is not
/// enough: a sync error is reported once, and a second sync may succeed without having written.
Result<void> SavedState::reload() try {
  BOOST_OUTCOME_TRY(const auto lock, reading(take_lock()));
  return in_turn(lock.get(), [&] { return take_found(); });
} catch (...) {
  return at_path(caught("reload the state"));
}

Result<void> SavedState::take_found() {
  if (stored_.exists && stored_.durable && !outcome_unknown_) {
    BOOST_OUTCOME_TRY(const bool other, changed());
    if (!other) return success();
  }
  BOOST_OUTCOME_TRY(Found found, reading(find(false)));
  const bool was_unknown = outcome_unknown_;
  stored_ = std::move(found.stored);
  if (!was_unknown) return publish(std::move(found.state), std::move(found.report));
  attempted_max_ = std::max(attempted_max_, found.state.stamp.generation);
  auto committed = commit(std::move(found.state.value), std::move(found.state.stamp.unknown),
                          std::move(found.report));
  if (!committed) outcome_unknown_ = true;
  return committed;
}

Result<bool> SavedState::changed() try {
  BOOST_OUTCOME_TRY(const Revision now, reading(store_->revision()));
  return now != stored_.revision;
} catch (...) {
  return at_path(caught("look at the state"));
}

/// The file is gone. Others may have saved, and lost, generations that this tracker never saw. So
/// the next save begins a new lineage, far above their numbers.
Result<void> SavedState::forget_removed(Revision absent) {
  BOOST_OUTCOME_TRY(auto history, store_->history());
  skip_numbers(std::max({attempted_max_, history.generation_max, published_max_}));
  stored_.newer.assign(
      history.previous.begin(),
      std::ranges::lower_bound(history.previous, stored_.generation, std::greater()));
  stored_.previous = std::move(history.previous);
  stored_.revision = std::move(absent);
  stored_.keepable = false;
  stored_.standing.lost = true;
  return success();
}

Result<void> SavedState::rewrite() try {
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  return in_turn(lock.get(), [&] { return commit_shown(); });
} catch (...) {
  Error error = at_path(caught(save_step));
  if (outcome_unknown_) error.fate = Fate::unknown;
  return error;
}

/// Commits the state in memory: where the file was removed, it is the newest that was acknowledged.
Result<void> SavedState::commit_shown() {
  BOOST_OUTCOME_TRY(Revision now, store_->revision());
  const bool was_unknown = outcome_unknown_;
  const Stored before = stored_;
  const bool absent = now.is_absent();
  if (absent) {
    BOOST_OUTCOME_TRY(forget_removed(std::move(now)));
  } else {
    BOOST_OUTCOME_TRY(check_outcome_known());
    BOOST_OUTCOME_TRY(catch_up());
  }
  auto committed = commit(shown().value, shown().stamp.unknown, shown().report);
  if (!committed && absent) stored_ = before;  // so that a save or a reload is a conflict still
  if (!committed && was_unknown) outcome_unknown_ = true;
  return committed;
}

Result<void> SavedState::restore(std::uint64_t generation) try {
  BOOST_OUTCOME_TRY(check_outcome_known());
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  return in_turn(lock.get(), [&] { return commit_previous(generation); });
} catch (...) {
  Error error = at_path(caught(restore_step));
  if (outcome_unknown_) error.fate = Fate::unknown;
  return error;
}

Result<void> SavedState::commit_previous(std::uint64_t generation) {
  BOOST_OUTCOME_TRY(catch_up());
  BOOST_OUTCOME_TRY(auto stored, store_->load_previous(generation));
  if (!stored) {
    return failure(restore_step, ErrorKind::invalid_argument,
                   "there is no previous generation " + std::to_string(generation) +
                       "; `perdure state history FILE` lists them");
  }
  auto loaded = codec_->load(stored->bytes);
  if (!loaded) {
    Error error = at_path(std::move(loaded.error()));
    error.step = restore_step;
    error.reading = false;
    error.detail = "generation " + std::to_string(generation) + ": " + error.detail;
    return error;
  }
  return commit(std::move(loaded.value().value), std::move(loaded.value().stamp.unknown),
                shown().report);
}

Result<StateHistory> SavedState::history() try { return reading(store_->history()); } catch (...) {
  return at_path(caught("list the state's generations"));
}

}  // namespace perdure::detail
