// SPDX-License-Identifier: BSL-1.0
// Signs between a laboratory in a guest and the laboratory that started it: files of a shared
// directory.
#pragma once

#include <string>

#include "host/posix.hpp"

namespace crashlab {

/// The side in the guest. Without a directory it does nothing.
class Signs {
 public:
  explicit Signs(std::string directory) : directory_(std::move(directory)) {}

  /// Says that work goes on, and which; at most a few times a second.
  void give(const std::string& text = {});
  /// Whether the run is to end in order.
  bool is_stop_wanted();

 private:
  bool is_due(Clock::time_point& last) const;

  std::string directory_;
  std::string text_;
  Clock::time_point given_;
  Clock::time_point asked_;
  bool stop_ = false;
};

/// The other side.
class SignsOfGuest {
 public:
  explicit SignsOfGuest(const std::string& directory);

  /// Its own words for its work now.
  std::string look();
  bool has_begun() const { return !seen_.empty(); }
  /// Seconds since the guest gave its last sign, or since this was made.
  double seconds_silent() const { return seconds_since(last_); }
  void stop() const;

 private:
  std::string directory_;
  std::string seen_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace crashlab
