// SPDX-License-Identifier: BSL-1.0
// Runs a workload, its recovery and the oracles, and takes down the points at which it may crash.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <perdure/testing/workload.hpp>

#include "testing/explorer/interleaver.hpp"
#include "testing/simulator/crash_states.hpp"
#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

using History = std::shared_ptr<const std::vector<Event>>;

/// One way to run the workload.
struct Variant {
  Schedule schedule;
  std::vector<Fault> faults;
  std::size_t case_number = 0;
};

/// A moment at which the program may crash.
struct Point {
  Disk disk;
  History history;
  Operation next = Operation::close;  // the call before which it lies; close at the end
  bool event = false;                 // it lies before an event of the history instead
  bool partial = false;               // within the call: the call had done some of its work
  bool power = false;                 // a power cut here can leave something that a later one can't
};

struct Finding {
  std::string oracle;
  std::string words;
};

class Runner {
 public:
  Runner(const Workload& workload, const std::vector<Oracle>& oracles,
         const ExploreOptions& options);

  /// Runs the workload. The points lie in the order of the run; the last is its end. Returns a
  /// finding if something is wrong even without a crash.
  std::optional<Finding> run(const Variant& variant, std::vector<Point>& points) const;
  /// Runs recovery, with its points unless `points` is null, and then asks the oracles.
  std::optional<Finding> recover(const Disk& disk, const History& history, const Variant& variant,
                                 unsigned level, std::vector<Point>* points) const;
  /// How many calls each actor makes when they run one after the other.
  [[nodiscard]] std::vector<std::size_t> calls() const;
  /// The calls of the first actor, in their order.
  [[nodiscard]] std::vector<Operation> log() const;

  [[nodiscard]] const Workload& workload() const noexcept { return workload_; }
  [[nodiscard]] const ExploreOptions& options() const noexcept { return options_; }
  /// How far the crash states after so many crashes are enumerated. Deeper states are sampled more,
  /// since most of their tears were tried before.
  [[nodiscard]] Bounds bounds(std::size_t crashes) const noexcept;

 private:
  [[nodiscard]] std::optional<Finding> ask(SimulatedFileSystem& disk, Environment& environment,
                                           const std::vector<Event>& history,
                                           bool before_recovery) const;

  const Workload& workload_;
  const std::vector<Oracle>& oracles_;
  const ExploreOptions& options_;
  Disk prepared_;
  std::vector<Event> prepared_history_;
};

/// The disk that a kill at this point leaves.
Disk killed(const Point& point);

/// The history after a crash at this point.
History crashed(const Point& point, Event::Kind kind);

}  // namespace perdure::testing
