// SPDX-License-Identifier: BSL-1.0
// One row of crashes: done again, made smaller, written down and read back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "testing/explorer/runner.hpp"

namespace perdure::testing {

struct Step {
  bool kill = false;
  std::size_t point = 0;
  Choice choice;
};

struct CrashPath {
  const Preset* preset = nullptr;
  std::uint64_t seed = 1;
  Variant variant;
  std::vector<Step> steps;
};

/// Follows the whole path and asks the oracles at its end. Empty when they do not object, or when
/// the path is not possible (`possible` says which).
std::optional<Finding> follow(const Runner& runner, const CrashPath& path,
                              bool* possible = nullptr);

/// Takes away steps that the finding does not need, as long as some oracle still objects.
CrashPath shrink(const Runner& runner, CrashPath path);

/// The text of a reproducer, and back. Throws std::invalid_argument for any other text.
std::string write_path(const Runner& runner, const CrashPath& path, const Finding& finding);
CrashPath read_path(std::string_view text);

}  // namespace perdure::testing
