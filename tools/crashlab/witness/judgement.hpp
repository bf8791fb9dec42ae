// SPDX-License-Identifier: BSL-1.0
// The findings of all recordings of a program together, and its grade.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "options.hpp"
#include "witness/costs.hpp"
#include "witness/ruling.hpp"

namespace crashlab {

/// One kind of finding about one path.
struct Tally {
  Finding finding;           ///< of the first state that showed it
  std::uint64_t states = 0;  ///< so many showed it
  std::string noise;
  std::string id;  ///< of the state that was kept; empty: none was
};

/// One recording and its states.
struct JudgedRun {
  std::string noise;
  std::uint64_t states = 0;
  std::string ended_by;
  double seconds = 0;
};

class Judgement {
 public:
  explicit Judgement(const JudgeOptions& options);

  /// Returns whether no earlier state had such a finding.
  bool add(const Finding& finding, const std::string& noise);
  void add(JudgedRun run) { runs_.push_back(std::move(run)); }
  /// A state with this reason is kept under this id.
  void kept(const std::string& reason, const std::string& id);
  /// Counts states on which the file system itself failed: that is not a fault of the program.
  void add_refused(std::uint64_t count) { refused_ += count; }
  /// Takes the measures of the first recording, which has no noise.
  void measured(std::uint64_t calls, const Costs& costs, std::uint64_t flushes);

  /// Whether the program has a fault: torn, missing, lost, or rolled back against its promise.
  bool fault() const;
  /// "lost", "torn", "missing", "rolled back", "in place", "ordered" or "durable": the worst.
  std::string grade() const;

  std::string text() const;
  void write_json(const std::string& path) const;

 private:
  bool has(Finding::Kind kind) const;
  std::string costs_text() const;

  const JudgeOptions& options_;
  bool fast_;  ///< whether a file may be published before its sync
  std::vector<Tally> tallies_;
  std::vector<JudgedRun> runs_;
  std::uint64_t refused_ = 0;
  bool measured_ = false;
  std::uint64_t calls_ = 0;
  std::uint64_t flushes_ = 0;
  Costs costs_;
};

/// The words of a finding; a verdict's reason.
std::string words(const Finding& finding);

}  // namespace crashlab
