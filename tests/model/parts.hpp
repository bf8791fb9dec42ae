// SPDX-License-Identifier: BSL-1.0
// The parts of the protocol that can be taken out, one by one: the mutants of the model.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "model/state.hpp"

namespace perdure::model {

enum class Part : std::uint8_t {
  flush_append,
  await_data,
  settle,
  last_change,
  stop_at_settle,
  stop_at_append,
  redo_seen,
  write_again,
  flush_found,
  sync_redo,
  compare_content,
  settle_redo,
  settle_foreign,
  flush_headers,
  turn,
  mark_settled,
  header_first,
  second_block,
  every_before,
  sync_before,
  planned_before,
  time_before,
  missing_before,
  check_publish,
  time_of_lost,
  salt,
  identity,
  directory,
  durable_before,
  mark_log,
  end_log,
  mark_again,
  stop_at_journal,
  check_staged,
  count_failures,
  sync_later,
  sync_direct,
  header_in_cache,
  none,
};

/// How much is searched.
struct Bound {
  Budget budget{};
  bool groups = false;      ///< Two commits may share a flush.
  bool races = false;       ///< Other programs act between a flush and the names.
  bool keep_stale = false;  ///< Records that nobody reads any more are not forgotten.
  double seconds_max = 0;   ///< Of a processor; 0: no limit.
  std::uint64_t states_max = 0;
};

/// A part, taken out.
struct Mutant {
  Part part = Part::none;
  /// As in tests/proof/log_mutants.cpp, where that has the same one.
  std::string_view name;
  std::string_view without;  ///< The part.
  Bound bound;               ///< Large enough to find a counterexample ...
  bool ordered = true;       ///< ... in this kind of file system,
  bool unordered = true;     ///< and in this one.
  bool later = false;        ///< Files are left for the settling.
  bool direct = false;       ///< Records go past the cache.
  /// Why nothing is found in either. Empty: it has to be found.
  std::string_view equivalent{};
};

[[nodiscard]] std::span<const Mutant> all_mutants();

}  // namespace perdure::model
