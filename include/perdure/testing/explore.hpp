// SPDX-License-Identifier: BSL-1.0
// Crashes a workload everywhere, and checks the state that is left.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/testing/workload.hpp>

namespace perdure::testing {

/// Crashes the workload in every way that the preset allows, runs recovery on each state, crashes
/// that too, and asks the oracles about each end. Deterministic: the same arguments give the same
/// report on any machine, with any number of threads.
PERDURE_TESTING_API Report explore(const Workload& workload, const std::vector<Oracle>& oracles,
                                   const ExploreOptions& options = {});

/// Runs the crash of a reproducer again, with its preset and seed. Empty when no oracle objects any
/// more: the bug is fixed. Throws std::invalid_argument when the text does not fit the workload.
PERDURE_TESTING_API std::optional<Violation> replay(const Workload& workload,
                                                    const std::vector<Oracle>& oracles,
                                                    std::string_view reproducer,
                                                    const ExploreOptions& options = {});

/// Schedules in which a call of the workload's first actor fails, one for each call and each of its
/// errors. `stride`: only every so many of them; 1: all.
PERDURE_TESTING_API std::vector<std::vector<Fault>> all_faults(const Workload& workload,
                                                               const Preset& preset,
                                                               std::size_t stride = 1);

}  // namespace perdure::testing
