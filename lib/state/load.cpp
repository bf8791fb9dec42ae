// SPDX-License-Identifier: BSL-1.0
// How a state is found: the current one, else a previous one, else the defaults.
#include <algorithm>
#include <limits>
#include <span>

#include "base/checksum.hpp"
#include "state/saved_state.hpp"

namespace perdure::detail {
namespace {

/// A number in damaged bytes is believed up to here: every reader of JSON holds it exactly. With a
/// larger limit one flipped bit could use all numbers up.
constexpr std::uint64_t believable_max = std::uint64_t{1} << 53U;

/// When the current state is lost, its number is lost, too. It was the one after the newest
/// previous one, or a later one if saves failed in between. So the next save skips this many
/// numbers.
constexpr std::uint64_t lost_gap = 1000;

constexpr std::uint64_t number_max = std::numeric_limits<std::uint64_t>::max();

OpenReport report_of(const Stamp& stamp, Origin origin) {
  return {.origin = origin,
          .generation = stamp.generation,
          .last_updated = stamp.last_updated,
          .reason = {},
          .set_aside = {}};
}

/// The lineage by which this program knows a state that has none of its own.
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

/// The current state if it is intact, else the newest previous one that is, else the defaults.
Result<SavedState::Found> SavedState::find(bool opening) {
  BOOST_OUTCOME_TRY(auto history, store_->history());
  attempted_max_ = std::max(attempted_max_, history.generation_max);
  BOOST_OUTCOME_TRY(auto stored, store_->load());
  if (!stored && !opening && stored_.exists) {
    return failure("reload the state", ErrorKind::conflict, std::string(removed_words));
  }
  if (!stored) return fall_back("the current state is missing", nullptr, std::move(history));
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

Result<SavedState::Found> SavedState::take_current(LoadedState loaded, StoredState stored,
                                                   StateHistory history) {
  Standing standing = standing_of(loaded, stored);
  BOOST_OUTCOME_TRY(std::string loss, find_loss(standing, stored.revision, history));
  std::vector<std::uint64_t> newer;
  if (standing.lost) {
    newer.assign(history.previous.begin(),
                 std::ranges::lower_bound(history.previous, standing.generation, std::greater()));
  }
  if (!loaded.stamped) {
    // Somebody edited a state whose number only a tracker that had it can tell.
    const bool unknown = standing.generation == 0 && published_max_ <= history.generation_max;
    if (unknown && history.generation_max > 0) {
      skip_numbers(history.generation_max);
    }
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

SavedState::Standing SavedState::standing_of(const LoadedState& loaded,
                                             const StoredState& stored) const {
  Standing standing;
  standing.generation = loaded.stamp.generation;
  standing.digest = Checksum::of(stored.bytes);
  if (!codec_->keeps_lineage()) return standing;
  // Only a state with a number has a lineage: an edited text may still have an old one in it.
  if (standing.generation != 0) standing.lineage = loaded.stamp.lineage;
  if (standing.lineage.id == 0) {
    standing.bare = true;
    // A stamp tells one save from every other. A text without a stamp may be put there twice.
    const Revision& moment = loaded.stamped ? Revision{} : stored.revision;
    standing.lineage = {.id = lineage_of(standing.digest, moment)};
  }
  return standing;
}

/// After a loss the lost states had numbers that nobody can tell.
void SavedState::skip_numbers(std::uint64_t seen) {
  attempted_max_ = std::max(attempted_max_, seen + std::min(lost_gap, number_max - seen));
}

/// Whether the current state was committed last. Somebody may have put an older copy in its place.
/// Then its number is not above every other number that is there, or that was this tracker's.
/// Returns the evidence in words; empty if all is well.
Result<std::string> SavedState::find_loss(Standing& standing, const Revision& revision,
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
/// tell: somebody may have put an older copy there, and others may have gone on from it.
bool SavedState::descends(const Standing& theirs) const {
  const Standing& own = stored_.standing;
  if (own.generation == 0) return true;  // defaults: nothing that could be lost
  if (theirs.generation == own.generation) return theirs.digest == own.digest;
  if (theirs.generation < own.generation) return false;
  if (theirs.bare) return own.bare;  // by an older program
  return theirs.lineage.id == own.lineage.id || (theirs.lineage.from == own.lineage.id &&
                                                 theirs.lineage.from_generation >= own.generation);
}

/// Accepts a text whose stamp does not fit. It never becomes a previous generation, where it would
/// count as damaged; the next save has its content.
Result<SavedState::Found> SavedState::take_edited(const Error& damage, StoredState stored,
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

/// The newest previous generation that is intact. An error other than damage ends the search: such
/// an error may pass, and must not make the tracker take an older state.
Result<std::optional<LoadedState>> SavedState::newest_previous(
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

/// Moves all damaged states out of the way: they must neither count as previous generations, nor be
/// dropped as such.
Result<void> SavedState::set_aside(const StoredState* current,
                                   const std::vector<std::uint64_t>& previous, OpenReport& report) {
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

Result<SavedState::Found> SavedState::fall_back(std::string reason, const StoredState* damaged,
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

}  // namespace perdure::detail
