// SPDX-License-Identifier: BSL-1.0
// A line of progress on a terminal.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace perdure::cli {

/// Shows the progress of a program once it takes longer than a second. It is one line that is drawn
/// anew, with the rate and the time left. Callers pass the time, so that tests need no clock.
class Progress {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Writes to `out`, which must outlive it; writes nothing unless `shown`. `total` is empty where
  /// nobody knows it. `unit` is the word for a count ("files"), or empty for bytes.
  Progress(std::ostream& out, bool shown, std::optional<std::uint64_t> total, Time begin,
           std::string unit = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  ///< Ends the line.

  void advance(std::uint64_t amount, Time now);
  /// Call it when everything is written. The sync that follows can take long, and nobody knows how
  /// long. So a thread counts its seconds on the line, until this is destroyed. `second`: for
  /// tests.
  void syncing(std::chrono::milliseconds second = std::chrono::seconds(1));

 private:
  [[nodiscard]] std::string amount(std::uint64_t of) const;
  [[nodiscard]] std::string sync_words() const;
  void draw(const std::string& words);
  void count_seconds(std::chrono::milliseconds second);

  std::ostream& out_;
  bool shown_;
  std::optional<std::uint64_t> total_;
  Time begin_;
  std::string unit_;
  std::optional<Time> drawn_{};
  std::size_t width_ = 0;  ///< Of the line that is there.
  std::uint64_t done_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread counting_;
};

}  // namespace perdure::cli
