// SPDX-License-Identifier: BSL-1.0
// `crashlab run`: records a workload and explores the crash states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "host/guard.hpp"
#include "judging/witness.hpp"
#include "options.hpp"

namespace crashlab {

/// Within guarded(). Returns 0 without a violation, 1 with one, 2 when interrupted before that.
/// A witness judges and reports in the place of a checker.
int run_command(const RunOptions& options, const Guarded& guarded, Witness* witness = nullptr);

using DiskContent = std::map<std::uint32_t, std::vector<std::byte>>;

/// Takes the findings of a run; returns its status.
using Report = std::function<int(const Findings&)>;
/// With a base (Recording::base of an earlier run) the disk is as it was when the recording of that
/// run began. Then no file system is made, and no setup runs.
int run_command(const RunOptions& options, const Guarded& guarded, const Report& report,
                const DiskContent& base = {});

/// Makes room for the next run in the same directory: the last one's disk is gone.
void clear(const RunDir& run_dir);

/// The workload asked less of the disk than the number of the fault.
class NotStruck : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace crashlab
