// SPDX-License-Identifier: BSL-1.0
// Recovery of a root after a crash.
#pragma once

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/path.hpp>
#include <perdure/recovery_report.hpp>
#include <perdure/transaction_options.hpp>

namespace perdure {

/// Finishes what a crashed transaction left, as `begin` does, and reports it. Idempotent; a process
/// that is killed at any point of it loses nothing. A root that was copied or restored from a
/// backup is finished if the copy kept the times of files. Otherwise it is
/// ErrorKind::recovery_required, with everything kept. A marked root that lost its private
/// directory gets an empty one, for the owner of its marker (RecoveryReport::restored); nothing
/// else is ever made.
PERDURE_API Result<RecoveryReport> recover(const Path& root,
                                           const TransactionOptions& options = {});

/// For a root that can't be recovered: sets the journal, staged files and the apply temps that the
/// journal names aside as evidence. Says which paths are old and which new. The root can be used
/// again. Whatever is in place stays, and so do directories that the transaction made. Where the
/// journal can't be read, its apply temps (`.LEAF.R.perdure-put`) stay beside their targets.
PERDURE_API Result<RecoveryReport> abandon(const Path& root,
                                           const TransactionOptions& options = {});

/// Reports the changes that `recover` would make. Changes nothing, waits for nobody.
PERDURE_API Result<RecoveryReport> inspect(const Path& root,
                                           const TransactionOptions& options = {});

/// Whether a root, in the file's directory or above it, has a committed content of the file that is
/// not in place yet. Then a crash left it, or a program has the root open and publishes later
/// (Publish::later), and `file` has an older content. Also true where the root's journal can't be
/// read; false where this user may not look into the root. Changes nothing, waits for nobody.
PERDURE_API Result<bool> has_unpublished(const Path& file, System system = native_system());

}  // namespace perdure
