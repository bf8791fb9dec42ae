// SPDX-License-Identifier: BSL-1.0
// Finds the writes that are pending at each moment.
#include "states/crash_points.hpp"

#include <algorithm>

#include "host/posix.hpp"

namespace crashlab {
namespace {

/// The moment at which each write became durable, `never` if it did not.
std::vector<Moment> durable_moments(const Recording& recording) {
  // A write that was answered at `a` is covered by every flush received after `a`; of these, the
  // one that was answered first counts. So flushes are sorted by receipt, each with the earliest
  // answer of all later ones.
  std::vector<Flush> flushes = recording.flushes;
  std::sort(flushes.begin(), flushes.end(),
            [](const Flush& a, const Flush& b) { return a.received < b.received; });
  for (std::size_t i = flushes.size(); i-- > 1;) {
    flushes[i - 1].answered = std::min(flushes[i - 1].answered, flushes[i].answered);
  }
  std::vector<Moment> moments;
  moments.reserve(recording.writes.size());
  for (const Write& write : recording.writes) {
    const auto covering = std::upper_bound(
        flushes.begin(), flushes.end(), write.answered,
        [](Moment answered, const Flush& flush) { return answered < flush.received; });
    moments.push_back(covering == flushes.end() ? never : covering->answered);
  }
  return moments;
}

/// The moment from which a failed write can't be seen any more, since a later write of its place is
/// durable. `never` for all others.
std::vector<Moment> hidden_moments(const Recording& recording, const std::vector<Moment>& durable) {
  std::vector<Moment> moments(recording.writes.size(), never);
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const Write& failed = recording.writes[i];
    if (!failed.failed) continue;
    for (std::size_t j = i + 1; j < moments.size(); ++j) {
      const Write& later = recording.writes[j];
      const bool meets = later.offset < failed.offset + failed.length &&
                         failed.offset < later.offset + later.length;
      if (meets) moments[i] = std::min(moments[i], durable[j]);
    }
  }
  return moments;
}

}  // namespace

std::vector<CrashPoint> crash_points(const Recording& recording, bool flushes_ignored) {
  std::vector<Moment> durable_at(recording.writes.size(), never);
  if (!flushes_ignored) durable_at = durable_moments(recording);

  const std::vector<Moment> hidden_at = hidden_moments(recording, durable_at);

  std::vector<Moment> borders;
  for (const Moment moment : durable_at) {
    if (moment != never) borders.push_back(moment);
  }
  for (const Ack& ack : recording.acks) borders.push_back(ack.at);
  borders.push_back(recording.end);
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());

  std::vector<CrashPoint> points;
  std::vector<bool> counted(recording.writes.size(), false);
  for (const Moment border : borders) {
    CrashPoint point;
    point.at = border;
    for (std::uint32_t i = 0; i < recording.writes.size(); ++i) {
      if (recording.writes[i].received >= border) break;
      if (hidden_at[i] < border) continue;
      if (durable_at[i] >= border) {
        point.pending.push_back(i);
      } else if (!counted[i]) {
        counted[i] = true;
        point.newly_durable.push_back(i);
      }
    }
    point.ack_count =
        static_cast<std::size_t>(std::count_if(recording.acks.begin(), recording.acks.end(),
                                               [&](const Ack& ack) { return ack.at < border; }));
    points.push_back(std::move(point));
  }
  return points;
}

std::uint64_t sector_count(const Write& write, std::uint32_t sector_size) {
  if (write.length == 0) return 0;
  return (write.offset + write.length - 1) / sector_size - write.offset / sector_size + 1;
}

bool sector_kept(const Tear& tear, std::uint64_t index, std::uint64_t count) {
  switch (tear.kind) {
    case Tear::Kind::prefix:
      return index < tear.sectors;
    case Tear::Kind::suffix:
      return index >= count - std::min<std::uint64_t>(tear.sectors, count);
    case Tear::Kind::scattered: {
      std::uint64_t state = tear.seed + index / 64;
      return ((next_random(state) >> (index % 64)) & 1U) != 0;
    }
  }
  return false;
}

}  // namespace crashlab
