// SPDX-License-Identifier: BSL-1.0
// How a root of transactions is used.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <perdure/options.hpp>
#include <perdure/procedure.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// How a root is used. Everyone who commits to one root needs the same `private_directory`.
struct TransactionOptions {
  /// The directory of staged files and of the journal: a name directly under the root, or an
  /// absolute path on the same file system. Use the latter for directories that are synced to other
  /// machines or served as a whole.
  std::string private_directory = ".perdure";
  /// `ordered` also works on a file system that can't sync directories. There a kill leaves all or
  /// none, as always. A power cut leaves each file old or new, maybe some of each, and maybe a root
  /// for which a person has to decide. Where directories can be synced, `ordered` promises the same
  /// as `durable`. `none` is refused.
  Durability durability = Durability::durable;
  /// Of files that are put, unless PutOptions::metadata says otherwise.
  Metadata metadata = Metadata::preserve();
  /// Refuse to replace, move or remove a file without any write bit in its mode (0444) with
  /// ErrorKind::read_only. Otherwise it is changed like any other file, as with WriteOptions.
  bool refuse_read_only = false;
  /// How the commit is made durable; recovery is `portable` always.
  ProtocolChoice protocol = ProtocolChoice::portable;
  /// The group with which the journal shares syncs; may be empty. For transactions of several
  /// roots.
  std::shared_ptr<GroupCommit> group{};
  /// How long to wait for another committer; 0 tries once.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// As WriteOptions::stop, for the locks of the root and of paths with an expected version.
  StopCondition stop{};
  /// Called with files done and files in all, as they are applied; may be empty. On the thread that
  /// commits or recovers. If it throws, the transaction stays committed, and the next `begin` or
  /// `recover` puts the rest in place.
  Procedure<std::uint64_t /*done*/, std::uint64_t /*total*/> progress{};
  System system = native_system();  ///< Must outlive the transaction.
};

}  // namespace perdure
