// SPDX-License-Identifier: BSL-1.0
// Recovery of a log: after a crash, and in an open root after a flush that failed.
#pragma once

#include <cstdint>
#include <functional>

#include <perdure/recovery_report.hpp>

#include "log/known_durable.hpp"
#include "log/log_file.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

struct LogRecovery {
  RecoveryReport report;
  std::uint64_t next_number = 1;  ///< Records below it are committed, all others never will be.
};

/// Carries out every record that is not settled. It also does so for one that seems to be done: its
/// changes may be in the cache and not on the disk. Then no record of the log is needed any more.
/// May be repeated when it fails or is killed: until it has succeeded, the log is as it was.
/// `make_room` is called before the first content is made anew from its record. It may remove all
/// staged files, of which the disk may be full.
Result<LogRecovery> recover_log(TransactionRoot& root, LogFile& log,
                                const std::function<Result<void>()>& make_room = {});

/// Puts in place the files of an open root's records that were left for later: makes their staged
/// files durable, then gives them their paths. Does not make the names durable. After an error
/// recover_log carries the records out.
Result<RecoveryReport> publish_log(TransactionRoot& root, LogFile& log, KnownDurable& known);

/// Reports the changes that recover_log would make. Changes nothing.
Result<RecoveryReport> inspect_log(TransactionRoot& root, LogFile& log);

}  // namespace perdure
