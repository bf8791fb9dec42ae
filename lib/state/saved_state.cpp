// SPDX-License-Identifier: BSL-1.0
#include "state/saved_state.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <span>

#include "base/checksum.hpp"
#include "base/missing.hpp"
#include "state/image_sink.hpp"

namespace perdure::detail {
namespace {

constexpr std::string_view save_step = "save the state";

/// A number in damaged bytes is believed up to here: what every reader of JSON holds exactly. More
/// would let one flipped bit use all numbers up.
constexpr std::uint64_t believable_max = std::uint64_t{1} << 53U;

/// When the current state is lost its number is lost, too: it was the one after the newest previous
/// one, or a later one if saves failed in between. Numbers are cheap.
constexpr std::uint64_t lost_gap = 1000;

constexpr std::uint64_t number_max = std::numeric_limits<std::uint64_t>::max();

OpenReport report_of(const Stamp& stamp, Origin origin) {
  return {.origin = origin,
          .generation = stamp.generation,
          .last_updated = stamp.last_updated,
          .reason = {},
          .set_aside = {}};
}

/// What a state without a lineage of its own goes by among its readers.
std::uint64_t lineage_of(Bytes digest, const Revision& revision) {
  Checksum sum;
  sum.update(digest);
  sum.update(as_bytes(revision.token));
  const auto mixed = sum.digest();
  std::uint64_t id = 0;
  for (const std::byte byte : std::span(mixed).first(sizeof(id))) {
    id = id << 8U | std::to_integer<std::uint64_t>(byte);
  }
  return std::max<std::uint64_t>(id, 1);
}

std::vector<std::uint64_t> without(std::vector<std::uint64_t> numbers, std::uint64_t number) {
  std::erase(numbers, number);
  return numbers;
}

}  // namespace

/// In a forked child nobody changes what is shown, and the thread that held the mutex is not there
/// to unlock it.
std::unique_lock<std::mutex> DurableState::lock_shown() const {
  return is_ours() ? std::unique_lock(mutex_) : std::unique_lock<std::mutex>();
}

std::shared_ptr<const void> DurableState::value() const {
  const auto guard = lock_shown();
  return shown().value;
}
OpenReport DurableState::report() const {
  const auto guard = lock_shown();
  return shown().report;
}
std::uint64_t DurableState::generation() const {
  const auto guard = lock_shown();
  return shown().stamp.generation;
}

Error DurableState::failure(std::string_view step, ErrorKind kind, std::string detail) const {
  return {.kind = kind,
          .fate = Fate::unchanged,
          .cause = {},
          .step = std::string(step),
          .path = store_->describe(),
          .detail = std::move(detail)};
}

Error DurableState::not_ours() const {
  return failure("use the state", ErrorKind::invalid_argument,
                 "another process opened this tracker: a forked child can't save through it; open "
                 "the state after the fork");
}

Error DurableState::at_path(Error error) const try {
  if (error.path.empty()) error.path = store_->describe();
  return error;
} catch (const std::bad_alloc&) {  // without its path it says enough
  return error;
}

Result<std::unique_ptr<StateStore::Lock>> DurableState::take_lock() {
  if (exclusive_) return std::unique_ptr<StateStore::Lock>();
  return store_->lock(options_.lock_timeout_ms);
}

Result<void> DurableState::publish(LoadedState state, OpenReport report) {
  if (!is_ours()) return not_ours();  // a migration or a serializer forked
  attempted_max_ = std::max(attempted_max_, state.stamp.generation);
  published_max_ = std::max(published_max_, state.stamp.generation);
  Shown old;  // destroyed outside the lock
  const std::lock_guard guard(mutex_);
  const std::size_t next = 1 - current_;
  shown_[next] = {std::move(state.value), std::move(state.stamp), std::move(report)};
  old = std::move(shown_[current_.exchange(next)]);
  return success();
}

Result<void> DurableState::open() try {
  BOOST_OUTCOME_TRY(auto lock, take_lock());
  BOOST_OUTCOME_TRY(Found found, find(true));
  stored_ = std::move(found.stored);
  BOOST_OUTCOME_TRY(publish(std::move(found.state), std::move(found.report)));
  if (options_.lock == TrackerLock::exclusive) exclusive_ = std::move(lock);
  return success();
} catch (...) {
  return at_path(json_detail::exception_error("open the state"));
}

/// The current state if it is whole, else the newest previous one that is, else the defaults.
Result<DurableState::Found> DurableState::find(bool opening) {
  BOOST_OUTCOME_TRY(auto history, store_->history());
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  if (!stored) return fall_back("there is no current state", nullptr, std::move(history));
  auto loaded = codec_->load(stored->bytes);
  if (loaded) {
    if (!loaded.value().stamped) loaded.value().stamp.generation = 0;
    return take_current(std::move(loaded.value()), std::move(*stored), std::move(history));
  }
  const Error error = at_path(std::move(loaded.error()));
  if (error.kind != ErrorKind::corrupt) return error;
  if (options_.damage == DamagePolicy::accept_edit) {
    return take_edited(error, std::move(*stored), std::move(history));
  }
  if (options_.damage == DamagePolicy::refuse || !opening) return error;
  return fall_back(error.detail, &*stored, std::move(history));
}

Result<DurableState::Found> DurableState::take_current(LoadedState loaded, StoredState stored,
                                                       StateHistory history) {
  Standing standing = standing_of(loaded, stored);
  BOOST_OUTCOME_TRY(std::string loss, find_loss(standing, stored.revision, history));
  std::vector<std::uint64_t> newer;
  if (standing.lost) {
    newer.assign(history.previous.begin(),
                 std::ranges::lower_bound(history.previous, standing.generation, std::greater()));
  }
  if (!loaded.stamped) {
    if (attempted_max_ == number_max) return failure("read the state", ErrorKind::unsupported, {});
    loaded.stamp.generation = attempted_max_ + 1;
    if (standing.generation == 0) standing.generation = loaded.stamp.generation;
  }
  const std::uint64_t generation = loaded.stamp.generation;
  OpenReport report = report_of(loaded.stamp, loss.empty() ? Origin::current : Origin::replaced);
  report.reason = std::move(loss);
  return Found{std::move(loaded),
               {.revision = std::move(stored.revision),
                .exists = true,
                .keepable = true,
                .generation = generation,
                .previous = without(std::move(history.previous), generation),
                .newer = std::move(newer),
                .image_size = stored.bytes.size(),
                .standing = standing},
               std::move(report)};
}

DurableState::Standing DurableState::standing_of(const LoadedState& loaded,
                                                 const StoredState& stored) const {
  Standing standing;
  standing.generation = loaded.stamp.generation;
  Checksum sum;
  sum.update(stored.bytes);
  standing.digest = sum.digest();
  if (!codec_->keeps_lineage()) return standing;
  // A number is what makes a lineage: a text by hand may have one that was left in it.
  if (standing.generation != 0) standing.lineage = loaded.stamp.lineage;
  if (standing.lineage.id == 0) {
    standing.bare = true;
    // A stamp tells one save from every other. The same text by hand may be put there twice.
    const Revision& moment = loaded.stamped ? Revision{} : stored.revision;
    standing.lineage = {.id = lineage_of(standing.digest, moment)};
  }
  return standing;
}

/// After a loss the lost states had numbers that nobody can tell.
void DurableState::skip_numbers(std::uint64_t seen) {
  attempted_max_ = std::max(attempted_max_, seen + std::min(lost_gap, number_max - seen));
}

/// Was the current state committed last? Somebody may have put an older copy in its place: its
/// number is then not above every other one that is there, or that was this tracker's. In words how
/// one can tell; empty if all is well.
Result<std::string> DurableState::find_loss(Standing& standing, const Revision& revision,
                                            const StateHistory& history) {
  const std::uint64_t number = standing.generation;
  if (number == 0) return std::string();  // it says no number: an edit by hand
  const std::string copy = "an older copy was put in the place of the state: ";
  const std::string here = "generation " + std::to_string(number) + " is there, and ";
  std::string words;
  if (!history.previous.empty() && history.previous.front() > number) {
    const std::string newest = std::to_string(history.previous.front());
    words = copy + here + "generation " + newest + " is among the previous ones; before the " +
            "next save it can be restored: perdure state restore FILE " + newest;
  }
  // A save that was cut short leaves the current state a second name: one content, one revision.
  const bool named = std::ranges::find(history.previous, number) != history.previous.end();
  if (words.empty() && named) {
    BOOST_OUTCOME_TRY(const auto same, store_->load_previous(number));
    if (same && same->revision != revision) {
      words = copy + "a previous generation has its number, " + std::to_string(number);
    }
  }
  const std::uint64_t free_from = named ? number + 1 : number;
  if (words.empty() && !history.damaged.empty() && history.generation_max >= free_from) {
    words = copy + here + "of a damaged one up to " + std::to_string(history.generation_max) +
            " there is '" + history.damaged.back() + "'";
  }
  if (words.empty() && published_max_ > 0 && !descends(standing)) {
    words = (published_max_ > number ? copy : "another copy was put in its place: ") + here +
            "it does not hold generation " + std::to_string(published_max_) +
            ", which this program had";
    standing.lost = published_max_ >= number;
    if (!standing.lost) return words;
  }
  if (words.empty()) return words;
  standing.lost = true;
  skip_numbers(std::max({history.generation_max, published_max_, number}));
  return words;
}

/// Whether a state is the one that this tracker has, or was made from it. Numbers alone do not
/// tell: somebody may have put an older copy there, and others gone on from that.
bool DurableState::descends(const Standing& theirs) const {
  const Standing& own = stored_.standing;
  if (own.generation == 0) return true;  // defaults: nothing that could be lost
  if (theirs.generation == own.generation) return theirs.digest == own.digest;
  if (theirs.generation < own.generation) return false;
  if (theirs.bare) return own.bare;  // by an older program
  return theirs.lineage.id == own.lineage.id || (theirs.lineage.from == own.lineage.id &&
                                                 theirs.lineage.from_generation >= own.generation);
}

/// A text whose stamp does not fit, taken at its word. It never becomes a previous generation: as
/// one it would be damaged, and what is saved next has its content.
Result<DurableState::Found> DurableState::take_edited(const Error& damage, StoredState stored,
                                                      StateHistory history) {
  auto edited = codec_->load_edited(stored.bytes);
  if (!edited) return at_path(std::move(edited.error()));
  std::uint64_t& claimed = edited.value().stamp.generation;
  if (claimed > believable_max) claimed = 0;
  attempted_max_ = std::max(attempted_max_, claimed);
  edited.value().stamped = false;
  BOOST_OUTCOME_TRY(Found found,
                    take_current(std::move(edited.value()), std::move(stored), std::move(history)));
  found.stored.keepable = false;
  found.report.reason =
      damage.detail + (found.report.reason.empty() ? "" : "; " + found.report.reason);
  return found;
}

/// The newest previous generation that is whole. An error that is no damage ends the search: it may
/// be over by tomorrow, and an older state must not be taken today for that.
Result<std::optional<LoadedState>> DurableState::newest_previous(
    const std::vector<std::uint64_t>& numbers, std::vector<std::uint64_t>& damaged,
    Standing& standing) {
  for (const auto candidate : numbers) {
    BOOST_OUTCOME_TRY(auto stored, store_->load_previous(candidate));
    if (!stored) {
      return failure("read the state", ErrorKind::conflict,
                     "previous generation " + std::to_string(candidate) +
                         " went away while it was being read; try again");
    }
    auto loaded = codec_->load(stored->bytes);
    if (loaded) {
      if (!loaded.value().stamped) loaded.value().stamp.generation = candidate;
      standing = standing_of(loaded.value(), *stored);
      return std::optional(std::move(loaded.value()));
    }
    if (loaded.error().kind != ErrorKind::corrupt) return at_path(std::move(loaded.error()));
    damaged.push_back(candidate);
  }
  return std::optional<LoadedState>();
}

/// Moves all that is damaged out of the way: it must neither count as a previous generation, nor be
/// dropped as one.
Result<void> DurableState::set_aside(const StoredState* current,
                                     const std::vector<std::uint64_t>& previous,
                                     OpenReport& report) {
  if (!is_ours()) return not_ours();  // what reads the state forked
  if (current != nullptr) {
    BOOST_OUTCOME_TRY(report.set_aside, store_->set_aside(current->revision, attempted_max_));
    report.reason +=
        "; it was moved to '" + report.set_aside + "': move it back before you accept it";
  }
  for (const auto number : previous) {
    BOOST_OUTCOME_TRY(const auto place, store_->set_aside_previous(number));
    report.reason += "; previous generation " + std::to_string(number) +
                     " is damaged too, and was moved to '" + place + "'";
  }
  return success();
}

Result<DurableState::Found> DurableState::fall_back(std::string reason, const StoredState* damaged,
                                                    StateHistory history) {
  Found found;
  std::vector<std::uint64_t> damaged_previous;
  Standing& standing = found.stored.standing;
  BOOST_OUTCOME_TRY(auto previous, newest_previous(history.previous, damaged_previous, standing));
  standing.lost = true;
  if (damaged != nullptr || history.generation_max > 0 || attempted_max_ > 0) {
    attempted_max_ += std::min(lost_gap, number_max - attempted_max_);
  }
  if (damaged != nullptr) {
    const std::uint64_t claimed = codec_->claimed_generation(damaged->bytes);
    if (claimed <= believable_max) attempted_max_ = std::max(attempted_max_, claimed);
  } else if (!history.damaged.empty()) {
    reason += "; a damaged one was moved to '" + history.damaged.back() + "' before";
  }
  if (previous) {
    found.state = std::move(*previous);
    found.report = report_of(found.state.stamp, Origin::previous);
  } else {
    found.state = {codec_->defaults(), Stamp{}, false};
    found.state.stamp.schema_version = codec_->schema_version();
  }
  found.report.reason = std::move(reason);
  BOOST_OUTCOME_TRY(set_aside(damaged, damaged_previous, found.report));
  found.stored.previous = std::move(history.previous);
  for (const auto one : damaged_previous) std::erase(found.stored.previous, one);
  return found;
}

/// Before a save, under the lock: what did others do since the state was read? Another tracker's
/// commits are taken over; anything else is a conflict.
Result<void> DurableState::catch_up() {
  BOOST_OUTCOME_TRY(const Revision now, store_->revision());
  if (now == stored_.revision) return success();
  const auto conflict = [&](std::string words) {
    return failure(save_step, ErrorKind::conflict, std::move(words));
  };
  if (now.is_absent()) {
    return conflict("somebody removed the file since it was read; reload, or put it back");
  }
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  if (!stored) return conflict("somebody removed the file just now");
  auto loaded = codec_->load(stored->bytes);
  if (!loaded) {
    Error error = at_path(std::move(loaded.error()));
    if (error.kind == ErrorKind::corrupt) error.kind = ErrorKind::conflict;
    error.step = save_step;
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
  BOOST_OUTCOME_TRY(auto history, store_->history());
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  BOOST_OUTCOME_TRY(
      Found found, take_current(std::move(loaded.value()), std::move(*stored), std::move(history)));
  if (found.report.origin == Origin::replaced) {
    return conflict(found.report.reason + "; reload to take it");
  }
  stored_ = std::move(found.stored);
  return publish(std::move(found.state), std::move(found.report));
}

Result<void> DurableState::check_settled() const {
  if (!unsettled_) return success();
  return failure(save_step, ErrorKind::recovery_required,
                 "an earlier save may or may not survive a power cut; reload first");
}

/// What shall be committed, but for the image; `kept` are the previous generations after it.
Result<StateDraft> DurableState::draft(const Stamp& stamp, std::vector<std::uint64_t>& kept) const {
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

/// The lineage of what is saved next. After a loss it is a new one, so that a tracker which had
/// what is lost can tell.
Result<Lineage> DurableState::next_lineage() const {
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

/// Previous generations that are newer than the copy in the state's place: the newest state that
/// was acknowledged may be among them. They are kept for good, as evidence, before anything is
/// saved on top of the copy.
Result<void> DurableState::set_newer_aside() {
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

Result<void> DurableState::commit(std::shared_ptr<const void> value, UnknownMembers unknown,
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
  made.image = image;
  Checksum sum;
  sum.update(image);
  const Standing standing{
      .lineage = stamp.lineage, .generation = stamp.generation, .digest = sum.digest()};
  BOOST_OUTCOME_TRY(set_newer_aside());

  attempted_max_ = stamp.generation;
  unsettled_ = true;  // should this throw half-way
  auto committed = store_->commit(made);
  unsettled_ = !committed && committed.error().fate != Fate::unchanged;
  if (!committed) return std::move(committed.error());
  stored_ = {.revision = std::move(committed.value()),
             .exists = true,
             .keepable = true,
             .generation = stamp.generation,
             .previous = std::move(kept),
             .newer = {},
             .image_size = image.size(),
             .standing = standing};
  return publish({std::move(value), std::move(stamp), true}, std::move(report));
}

Result<void> DurableState::save(const Edited& edited) try {
  BOOST_OUTCOME_TRY(check_settled());
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  BOOST_OUTCOME_TRY(catch_up());
  BOOST_OUTCOME_TRY(auto value, edited(shown().value.get()));
  if (!value) return success();
  return commit(std::move(value), shown().stamp.unknown, shown().report);
} catch (...) {
  Error error = at_path(json_detail::exception_error(save_step));
  if (unsettled_) error.fate = Fate::unknown;
  return error;
}

/// After a save of unknown fate whatever is found is committed anew. Syncing it would not do: a
/// sync error is reported once, and a second sync may succeed without having written.
Result<void> DurableState::reload() try {
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  BOOST_OUTCOME_TRY(Found found, find(false));
  const bool settling = unsettled_;
  stored_ = std::move(found.stored);
  if (!settling) return publish(std::move(found.state), std::move(found.report));
  attempted_max_ = std::max(attempted_max_, found.state.stamp.generation);
  auto settled = commit(std::move(found.state.value), std::move(found.state.stamp.unknown),
                        std::move(found.report));
  if (!settled) unsettled_ = true;
  return settled;
} catch (...) {
  return at_path(json_detail::exception_error("reload the state"));
}

Result<void> DurableState::restore(std::uint64_t generation) try {
  constexpr std::string_view step = "restore an earlier generation";
  BOOST_OUTCOME_TRY(check_settled());
  BOOST_OUTCOME_TRY(const auto lock, take_lock());
  BOOST_OUTCOME_TRY(catch_up());
  BOOST_OUTCOME_TRY(auto stored, store_->load_previous(generation));
  if (!stored) {
    return failure(step, ErrorKind::invalid_argument,
                   "there is no previous generation " + std::to_string(generation) +
                       "; `perdure state history FILE` lists them");
  }
  auto loaded = codec_->load(stored->bytes);
  if (!loaded) {
    Error error = at_path(std::move(loaded.error()));
    error.step = step;
    error.detail = "generation " + std::to_string(generation) + ": " + error.detail;
    return error;
  }
  return commit(std::move(loaded.value().value), std::move(loaded.value().stamp.unknown),
                shown().report);
} catch (...) {
  Error error = at_path(json_detail::exception_error("restore an earlier generation"));
  if (unsettled_) error.fate = Fate::unknown;
  return error;
}

Result<StateHistory> DurableState::history() try { return store_->history(); } catch (...) {
  return at_path(json_detail::exception_error("list the state's generations"));
}

}  // namespace perdure::detail
