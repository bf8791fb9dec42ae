// SPDX-License-Identifier: BSL-1.0
// A line of progress on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>

#include <boost/timer/progress_display.hpp>

namespace perdure::cli {

/// Shows how far a stream has come once it takes longer than a second: a bar where the size is
/// known, otherwise one line with a count. It is told the time, so that tests need no clock.
class Progress {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Writes to `out`, which must outlive it; nothing at all unless `shown`.
  Progress(std::ostream& out, bool shown, std::optional<std::uint64_t> size, Time begin);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  ///< Ends the line.

  void advance(std::uint64_t bytes, Time now);
  /// All bytes are there; what follows, the sync, can take long too.
  void syncing();

 private:
  void draw_bar();
  void draw_count(Time now);
  void end_line();

  std::ostream& out_;
  bool shown_;
  std::optional<std::uint64_t> size_;
  Time begin_;
  Time drawn_;
  std::uint64_t done_ = 0;
  bool line_open_ = false;
  std::optional<boost::timer::progress_display> bar_;
};

}  // namespace perdure::cli
