// SPDX-License-Identifier: BSL-1.0
// Changes that are committed to the log of an open root, and are not in place yet.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "transaction/journal_format.hpp"

namespace perdure {

/// The files of such changes lie in the private directory, where the next commit to these paths has
/// to look. Thread-safe: the log's leader changes it, all others look.
class Unpublished {
 public:
  /// Whether there may be any, now or later. Set before anybody looks.
  bool expected = false;

  /// While one of these is held nothing is put in place, and names in the private directory stay.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold() const {
    return expected ? std::shared_lock(mutex_) : std::shared_lock<std::shared_mutex>();
  }
  /// For putting in place: nobody else looks.
  [[nodiscard]] std::unique_lock<std::shared_mutex> change() { return std::unique_lock(mutex_); }

  /// The name of the staged file that the path is to get; empty if it is to be removed. No value:
  /// what is at the path counts. Call it while it is held.
  [[nodiscard]] std::optional<std::string> staged_for(const std::string& path) const;

  /// Of a committed record; returns the staged files that it makes superfluous. Takes the lock.
  std::vector<std::string> note(const Journal& journal);
  /// All is in place. Call it under the lock of `change`.
  void clear() noexcept { staged_.clear(); }

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::string> staged_;  ///< By path.
};

}  // namespace perdure
