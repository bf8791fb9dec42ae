// SPDX-License-Identifier: BSL-1.0
// Recovery of a log: after a crash, and in place after a flush that failed.
#pragma once

#include <cstdint>

#include <perdure/recovery_report.hpp>

#include "log/known_durable.hpp"
#include "log/log_file.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

struct LogRecovery {
  RecoveryReport report;
  std::uint64_t next_number = 1;  ///< Records below it are committed, all others never will be.
};

/// Carries out every record that is not settled, anew where it seems to be done: the cache may have
/// it, and the disk not. Then nothing of the log is needed any more. May be repeated whenever
/// it fails or is killed: until it has succeeded the log is as it was.
Result<LogRecovery> recover_log(TransactionRoot& root, LogFile& log);

/// Puts in place what the records of an open root say, where that was left for later: their staged
/// files are durable, and then get their paths. The names are not durable behind it. After an error
/// recover_log carries the records out.
Result<RecoveryReport> publish_log(TransactionRoot& root, LogFile& log, KnownDurable& known);

/// Says what recover_log would do. Changes nothing.
Result<RecoveryReport> inspect_log(TransactionRoot& root, LogFile& log);

}  // namespace perdure
