// SPDX-License-Identifier: BSL-1.0
// Recovery, call by call as lib/log/log_recovery.cpp, lib/log/log_judge.cpp, LogFile::read and
// lib/transaction/recovery.cpp do it.
#pragma once

#include "model/calls.hpp"

namespace perdure::model {

/// Reads the log, carries out what it has, begins it anew; the memory has its place then. False if
/// a sync failed. Throws Violation if it says `recovery_required`, since nothing was damaged.
/// `in_use`: a journal, or an open root, says that the log has a header.
[[nodiscard]] bool recover_log(Calls& calls, bool in_use);

/// Puts in place what was left for the settling: the rule of recovery, with the staged files.
[[nodiscard]] bool publish_log(Calls& calls);
/// Nothing is left for the settling.
void forget_left(Memory& memory);

/// Everybody who opens the root finishes its journal first, be it the log's or another.
[[nodiscard]] bool recover_root(Calls& calls);

/// LogFile::write_header.
[[nodiscard]] Header write_new_header(Calls& calls, Number epoch, Number live_from);

/// Whether the directory of the path is the one that the record, or the journal, names.
[[nodiscard]] bool is_directory(Calls& calls, Path path, std::uint8_t directory);

/// A journal is gone, durably if `synced`.
[[nodiscard]] bool remove_journal(Calls& calls, bool synced);

}  // namespace perdure::model
