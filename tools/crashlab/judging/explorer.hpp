// SPDX-License-Identifier: BSL-1.0
// Goes through the crash states of a recording.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/mounted_disk.hpp"
#include "judging/checker.hpp"
#include "judging/violation.hpp"
#include "options.hpp"
#include "states/state_image.hpp"

namespace crashlab {

struct Summary {
  std::uint64_t points = 0;
  std::uint64_t choices = 0;     ///< over all points and tiers, equal states counted each time
  std::uint64_t considered = 0;  ///< choices laid on the disk, to see whether they are new
  std::uint64_t states = 0;      ///< distinct ones that were mounted and judged
  std::uint64_t fsck_runs = 0;
  std::uint64_t violations[3] = {0, 0, 0};  ///< by Violation::Kind
  double seconds = 0;
  std::string cut;  ///< what ended it early: "states-max", "time-max", ...; empty: all was explored

  std::uint64_t violation_count() const { return violations[0] + violations[1] + violations[2]; }
};

/// Tier by tier over the whole recording, so that a budget cuts the rarest states and not the last
/// commits. The states depend on the recording, the options and their seed alone (and on the clock,
/// where --time-max ends it).
class Explorer {
 public:
  struct Parts {
    const RunOptions& options;
    const Recording& recording;
    Pages& pages;
    FileSystem& file_system;
    Checker& checker;
    std::string acked_path;  ///< the file that CRASHLAB_ACKED names
    Tick tick;
    std::function<void()> must_live;  ///< throws when the disk is gone
    std::function<void(const Violation&)> found;
    std::function<void(const Summary&)> progress;
    std::function<bool()> stopping;
    int cached_disk = -1;  ///< Device::cached_path(), if that is how the disk is mounted
  };

  explicit Explorer(Parts parts);

  Summary explore();

 private:
  /// Which of a tier's choices a pass takes.
  enum class Part { sampled, rest };

  void pass(Tier tier, Part part);
  bool taken(Tier tier, Part part, std::uint64_t number) const;
  void consider(const CrashPoint& point, const Choice& choice);
  void judge(const CrashPoint& point, const Choice& choice, ImageHash hash);
  bool over();
  void write_acked(std::size_t count);
  void report(Violation::Kind kind, const std::string& reason, const CrashPoint& point,
              const Choice& choice, ImageHash hash);

  Parts parts_;
  ChoiceRules rules_;
  std::vector<CrashPoint> points_;
  StateImage image_;
  Summary summary_;
  std::set<std::pair<ImageHash, std::size_t>> seen_;
  std::size_t acked_written_ = static_cast<std::size_t>(-1);
  double sampled_share_ = 1;
  Clock::time_point start_;
};

}  // namespace crashlab
