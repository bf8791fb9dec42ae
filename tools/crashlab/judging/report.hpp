// SPDX-License-Identifier: BSL-1.0
// The output of a run: a line that moves on a terminal, a summary, a JSON file.
#pragma once

#include <string>
#include <vector>

#include "judging/explorer.hpp"

namespace crashlab {

/// One line on standard error, where that is a terminal: like that of tools/common, with more facts
/// of a run. The laboratory does not use the library's programs.
class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& what);
  void clear();
  void show(const Summary& summary, const RunOptions& options);

 private:
  void line(const std::string& text);

  bool wanted_;
  bool shown_ = false;
  Clock::time_point last_;
};

/// Everything that a run found out.
struct Findings {
  const RunOptions& options;
  const Recording& recording;
  const Summary& summary;
  const std::vector<Violation>& kept;
  const Outcome& workload;  ///< how it ended
  bool noise_told = false;  ///< the noise's sync got an error of the disk
  double workload_seconds = 0;
};

std::string summary_text(const Findings& findings);

/// How the faults struck, and how the workload took it; empty where none were asked for.
std::string faults_text(const Findings& findings);

/// The report as a JSON object.
std::string json_text(const Findings& findings);

/// Writes the report; its members are described in docs/crashlab.md.
void write_json(const std::string& path, const Findings& findings);

}  // namespace crashlab
