// SPDX-License-Identifier: BSL-1.0
// Chooses crash states, lays them on the disk, and has them judged.
#include "judging/explorer.hpp"

#include "host/posix.hpp"

namespace crashlab {
Explorer::Explorer(Parts parts)
    : parts_(std::move(parts)),
      points_(crash_points(parts_.recording, parts_.options.ignore_flushes)),
      image_(parts_.recording, parts_.pages, parts_.options.sector_size) {
  rules_.seed = parts_.options.seed;
  rules_.sector_size = parts_.options.sector_size;
}

Summary Explorer::explore() {
  start_ = Clock::now();
  summary_.points = points_.size();
  std::uint64_t counts[std::size(all_tiers)] = {};
  for (std::size_t i = 0; i < std::size(all_tiers); ++i) {
    for (const CrashPoint& point : points_) {
      counts[i] += choices(parts_.recording, point, all_tiers[i], rules_).size();
    }
    summary_.choices += counts[i];
  }
  for (std::size_t i = 0; i < std::size(all_tiers) && !over(); ++i) {
    const auto left = static_cast<double>(parts_.options.states_max - summary_.states);
    sampled_share_ = left / static_cast<double>(std::max<std::uint64_t>(counts[i], 1));
    pass(all_tiers[i], Part::sampled);
    // Many choices are equal to earlier ones, so the sample may leave room: then the rest is
    // explored, too.
    if (sampled_share_ < 1 && !over()) pass(all_tiers[i], Part::rest);
  }
  summary_.seconds = seconds_since(start_);
  return summary_;
}

void Explorer::pass(Tier tier, Part part) {
  image_.rewind();
  std::uint64_t number = 0;
  for (const CrashPoint& point : points_) {
    image_.advance(point);
    for (const Choice& choice : choices(parts_.recording, point, tier, rules_)) {
      if (!taken(tier, part, number++)) continue;
      if (over()) return;
      consider(point, choice);
    }
  }
}

bool Explorer::taken(Tier tier, Part part, std::uint64_t number) const {
  if (sampled_share_ >= 1) return part == Part::sampled;
  std::uint64_t state = rules_.seed ^ (number << 2U) ^ static_cast<std::uint64_t>(tier);
  const double draw = static_cast<double>(next_random(state) >> 11U) * 0x1p-53;
  return (draw < sampled_share_) == (part == Part::sampled);
}

bool Explorer::over() {
  const RunOptions& options = parts_.options;
  if (!summary_.cut.empty()) return true;
  if (parts_.stopping()) {
    summary_.cut = "interrupted";
  } else if (summary_.states >= options.states_max) {
    summary_.cut = "states-max";
  } else if (options.time_max_s > 0 && seconds_since(start_) > options.time_max_s) {
    summary_.cut = "time-max";
  } else if (options.violations_max > 0 && summary_.violation_count() >= options.violations_max) {
    summary_.cut = "violations-max";
  }
  return !summary_.cut.empty();
}

void Explorer::consider(const CrashPoint& point, const Choice& choice) {
  ++summary_.considered;
  const ImageHash hash = image_.apply(point, choice);
  if (!seen_.emplace(hash, point.ack_count).second) return;
  ++summary_.states;
  write_acked(point.ack_count);
  judge(point, choice, hash);
  summary_.seconds = seconds_since(start_);
  parts_.tick();
  parts_.progress(summary_);
}

void Explorer::judge(const CrashPoint& point, const Choice& choice, ImageHash hash) {
  if (const std::optional<Verdict> known = parts_.checker.recall(hash)) {
    if (!known->good) report(Violation::Kind::check, known->reason, point, choice, hash);
    return;
  }
  if (parts_.cached_disk >= 0) image_.publish(parts_.cached_disk);
  Outcome mounted = parts_.file_system.repair(parts_.tick);
  if (mounted.good()) mounted = parts_.file_system.mount();
  if (!mounted.good()) {
    report(Violation::Kind::mount, mounted.output, point, choice, hash);
    return;
  }
  const Verdict verdict = parts_.checker.check();
  parts_.file_system.unmount();
  if (!verdict.good) report(Violation::Kind::check, verdict.reason, point, choice, hash);
  const std::uint64_t every = parts_.options.fsck_every;
  if (every == 0 || summary_.states % every != 0) return;
  ++summary_.fsck_runs;
  const Outcome outcome = parts_.file_system.check(parts_.tick);
  if (!outcome.good()) report(Violation::Kind::fsck, outcome.story(), point, choice, hash);
}

void Explorer::write_acked(std::size_t count) {
  if (acked_written_ == count) return;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += parts_.recording.acks[i].text + "\n";
  write_file(parts_.acked_path, text);
  acked_written_ = count;
}

void Explorer::report(Violation::Kind kind, const std::string& reason, const CrashPoint& point,
                      const Choice& choice, ImageHash hash) {
  parts_.must_live();
  ++summary_.violations[static_cast<std::size_t>(kind)];
  parts_.found(
      {violation_id(point, choice, hash.low), kind, reason, point.at, choice, point.ack_count});
}

}  // namespace crashlab
