// SPDX-License-Identifier: BSL-1.0
// Which contents a power cut can leave on a disk, by the requests to the disk and its answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recording/recording.hpp"

namespace crashlab {

/// A stretch of time in which neither the durable writes nor the acknowledgements change. It stands
/// for its end, when most writes are pending.
///
/// A write is durable at t when it was answered before a flush was received that was answered by t.
/// Every other write received by t may be there or not, since a cache may write it back at any
/// time.
struct CrashPoint {
  Moment at = 0;                             ///< the power goes just before this moment
  std::vector<std::uint32_t> newly_durable;  ///< writes durable here and at no earlier point
  std::vector<std::uint32_t> pending;        ///< writes that may be there, in the order received
  std::size_t ack_count = 0;                 ///< acknowledgements that came before
};

/// `flushes_ignored`: the disk answers flushes and does nothing, so nothing is ever durable.
std::vector<CrashPoint> crash_points(const Recording& recording, bool flushes_ignored);

/// One torn write: only some of its sectors reached the medium.
struct Tear {
  enum class Kind : std::uint8_t { prefix, suffix, scattered };

  std::uint32_t write = 0;  ///< index into CrashPoint::pending
  Kind kind = Kind::prefix;
  std::uint32_t sectors = 0;  ///< how many sectors, for prefix and suffix
  std::uint64_t seed = 0;     ///< which sectors, for scattered
};

/// The pending writes that are there. Indices into CrashPoint::pending, ascending; a torn write is
/// in `kept` too.
struct Choice {
  std::vector<std::uint32_t> kept;
  std::vector<Tear> torn;  ///< none or one
};

/// The order in which choices are explored, so that a budget cuts the rarest first.
enum class Tier : std::uint8_t { prefixes, singles, tears, subsets };
inline constexpr Tier all_tiers[] = {Tier::prefixes, Tier::singles, Tier::tears, Tier::subsets};

/// How the choices of a point are drawn.
struct ChoiceRules {
  std::uint64_t seed = 1;
  std::uint32_t sector_size = 512;  ///< bytes that the disk writes intact or not at all
  std::size_t exhaustive_max = 12;  ///< up to so many pending writes: every subset
  std::size_t samples = 256;        ///< above: so many seeded subsets, and as many pairs dropped
  std::size_t singles_max = 512;    ///< above so many: evenly spaced prefixes and singles
  std::size_t torn_last = 8;        ///< tear so many of the last pending writes
};

/// The choices of one tier at a point; the same for the same recording, point and rules.
std::vector<Choice> choices(const Recording& recording, const CrashPoint& point, Tier tier,
                            const ChoiceRules& rules);

/// How many of the disk's sectors a write touches; the first and the last may be touched in part.
std::uint64_t sector_count(const Write& write, std::uint32_t sector_size);

/// Whether a torn write's sector number `index` of `count` is there.
bool sector_kept(const Tear& tear, std::uint64_t index, std::uint64_t count);

}  // namespace crashlab
