// SPDX-License-Identifier: BSL-1.0
// All that the simulator's preset of a file system lets a power cut leave of a script.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <perdure/testing/preset.hpp>

#include "calls/script.hpp"

namespace crashlab::calls {

/// How the simulator's disk is crashed. A kill loses nothing, so every real disk breaks its rules:
/// a control.
enum class Crash { power_cut, kill };

/// The rules by which a file system is judged.
struct Rules {
  const perdure::testing::Preset* preset = nullptr;
  Crash crash = Crash::power_cut;
};

/// The rules of that name ("ext4_journal"), or "kill"; throws Failure for others.
Rules rules_named(const std::string& name);
/// The name of the rules for a file system that is mounted with these options; "worst" where there
/// is no preset for it.
std::string rules_for(const std::string& fs, const std::string& mount_options);

/// The words that look() can return, by the number of notes that the script had made.
using Outcomes = std::vector<std::set<std::string>>;

Outcomes allowed(const Script& script, const Rules& rules);

}  // namespace crashlab::calls
