// SPDX-License-Identifier: BSL-1.0
// Looks on while a workload runs, and judges its states in the place of a checker.
#pragma once

#include <memory>
#include <string>

#include "judging/checker.hpp"
#include "judging/report.hpp"
#include "recording/tracer.hpp"

namespace crashlab {

/// In the order in which a run calls them; before() and after() come between begin() and end().
class Witness : public CallWatcher {
 public:
  /// Whether before() and after() are wanted. Without them a workload runs as for a checker.
  virtual bool watches() const { return true; }
  /// Everything beneath `directory` is durable, and the workload is about to start. A line sent
  /// to the socket has its place among the disk's answers.
  virtual void begin(const std::string& directory, const std::string& ack_socket) = 0;
  /// The workload has ended well.
  virtual void end() = 0;
  /// Throws Failure where even the state without any crash would be a finding.
  virtual void check_uncrashed() = 0;
  /// Judges by the acknowledgements in the file at `acked`. A state is bad if it shows a finding
  /// that no state showed before.
  virtual std::unique_ptr<Checker> checker(const std::string& acked, Tick tick) = 0;
  /// Takes the findings of the run; returns its status.
  virtual int report(const Findings& findings) = 0;
};

}  // namespace crashlab
