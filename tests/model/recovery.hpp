// SPDX-License-Identifier: BSL-1.0
// Recovery, call by call as lib/log/log_recovery.cpp, lib/log/log_judge.cpp, LogFile::read and
// lib/transaction/recovery.cpp do it.
#pragma once

#include "model/calls.hpp"

namespace perdure::model {

/// Reads the log, carries out what it has, begins it anew; the memory has its place then. False if
/// a sync failed. Throws Violation if it says `recovery_required`, since nothing was damaged.
[[nodiscard]] bool recover_log(Calls& calls);

/// Everybody who opens the root finishes its journal first, be it the log's or another.
[[nodiscard]] bool recover_root(Calls& calls);

/// LogFile::write_header.
[[nodiscard]] Header write_new_header(Calls& calls, Number epoch, Number live_from);

/// Whether the directory of the path is the one that the record, or the journal, names.
[[nodiscard]] bool is_directory(Calls& calls, Path path, std::uint8_t directory);

/// A journal is gone, durably if `synced`.
[[nodiscard]] bool remove_journal(Calls& calls, bool synced);

}  // namespace perdure::model
