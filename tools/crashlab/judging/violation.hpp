// SPDX-License-Identifier: BSL-1.0
// A crash state that failed, kept so that it can be described and mounted again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "options.hpp"
#include "recording/recording.hpp"
#include "states/crash_points.hpp"

namespace crashlab {

struct Violation {
  enum class Kind : std::uint8_t { check, mount, fsck };

  std::string id;
  Kind kind = Kind::check;
  std::string reason;
  Moment at = 0;
  Choice choice;
  std::size_t ack_count = 0;
};

const char* name_of(Violation::Kind kind);

/// The disk of a kept violation, and how it came to be.
struct KeptViolation {
  std::string kernel;  ///< its release, as uname(2) has it
  RunOptions options;
  Violation violation;
  Recording recording;  ///< up to the moment of the crash
  CrashPoint point;     ///< that moment
};

/// The same for the same recording and state.
std::string violation_id(const CrashPoint& point, const Choice& choice, std::uint64_t image_hash);

/// Writes DIRECTORY/ID/, which needs nothing else to be replayed.
void keep_violation(const std::string& directory, const RunOptions& options,
                    const Violation& violation, const Recording& recording);

/// Throws Failure when there is no such violation, or one that is damaged.
KeptViolation load_violation(const std::string& directory, const std::string& id);

/// The ids in a directory, sorted.
std::vector<std::string> kept_ids(const std::string& directory);

/// The story for a human: which writes were kept, lost and torn, the last acknowledgements, the
/// reason.
std::string story(const KeptViolation& kept);

}  // namespace crashlab
