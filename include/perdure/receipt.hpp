// SPDX-License-Identifier: BSL-1.0
// The receipt of a commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include <perdure/file_version.hpp>
#include <perdure/options.hpp>

namespace perdure {

/// The time that one stage took.
struct StageTime {
  std::string_view stage;           ///< The stage's name; of static storage duration.
  std::chrono::nanoseconds time{};  ///< By the clock of the Environment.
};

/// The facts of a successful commit.
struct Receipt {
  std::uint64_t bytes = 0;                   ///< Size of the new content.
  Durability durability = Durability::none;  ///< The durability that was reached; never more.
  Protocol protocol = Protocol::portable;    ///< The protocol that reached it.
  /// How many commits the sync that made this one durable served, this one included.
  std::uint64_t commits_per_sync = 1;
  /// The file system confirmed, after the last sync, that it still takes changes: its journal has
  /// not failed, so the sync did its work. False below Durability::durable, and where the file
  /// system can't be asked. Without it, a journal that failed in another program's sync may go
  /// unnoticed (docs/failed-journals.md).
  bool confirmed = false;
  Version version;  ///< Of the new target, if it was asked for; otherwise Version::absent().
  std::vector<StageTime> stages;  ///< In the order in which they ran.
};

/// The facts of a state that was saved.
struct SaveReceipt {
  std::uint64_t generation = 0;                 ///< The number of the saved state.
  std::uint64_t bytes = 0;                      ///< Of the state as it is stored.
  Durability durability = Durability::durable;  ///< The durability that was reached.
  std::vector<StageTime> stages;                ///< Of the store; empty if it does not tell.
};

}  // namespace perdure
