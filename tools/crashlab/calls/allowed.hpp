// SPDX-License-Identifier: BSL-1.0
// All that the simulator's preset of a file system lets a power cut leave of a script.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <perdure/testing/preset.hpp>

#include "calls/script.hpp"

namespace crashlab::calls {

/// How the simulator's disk is left. A kill loses nothing: a control that every real disk breaks.
enum class Crash { power_cut, kill };

/// The rules that a file system is held to.
struct Rules {
  const perdure::testing::Preset* preset = nullptr;
  Crash crash = Crash::power_cut;
};

/// Of that name ("ext4_journal"), or "kill"; throws Failure for others.
Rules rules_named(const std::string& name);
/// The name of those for a file system that is mounted with these options; "worst" where there is
/// no preset of its own.
std::string rules_for(const std::string& fs, const std::string& mount_options);

/// By the number of notes that the script had made: what look() can find.
using Outcomes = std::vector<std::set<std::string>>;

Outcomes allowed(const Script& script, const Rules& rules);

}  // namespace crashlab::calls
