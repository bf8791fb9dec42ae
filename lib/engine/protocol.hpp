// SPDX-License-Identifier: BSL-1.0
// Which protocol is allowed on which file system.
#pragma once

#include <optional>
#include <string>

#include <perdure/options.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// Whether the protocol `fast` is known to hold on a file system, and why (not).
struct ProtocolCheck {
  bool allowed = false;
  std::string reason;
};

/// The allow-list, and the conditions of its entries. A file system is refused unless `fast` is
/// known to hold there. Reasons are another type, an option that was not tried, or a fact that
/// could not be read.
ProtocolCheck allows_fast(const FileSystemInfo& info);

/// Whether a commit of many files takes `whole` there.
ProtocolCheck allows_whole(const FileSystemInfo& info);

/// Whether a Root can keep a log, by which protocol its files get their names, and why (not).
struct LogCheck {
  /// `fast`: behind their content; `whole`: in no order. Empty: no log.
  std::optional<Protocol> protocol;
  std::string reason;
};

/// Decides by the facts about a directory: the status `made` of a file that was made in it, its
/// stamps, and the file system. `in_order`: `fast` is wanted where it is allowed.
LogCheck allows_log(const Status& made, Stamps stamps, const FileSystemInfo& info,
                    bool in_order = true);

/// How many flushes a sync of a log costs the device, as we counted them; empty where we did not.
std::optional<unsigned> flushes_of_log(const FileSystemInfo& info);

/// Why FileSystem::write_through is not used there; empty where it is known to keep its promise.
std::string reason_without_direct_writes(const FileSystemInfo& info);

/// Why a sync does not flush the disk's cache there; empty where it does, as far as we know.
std::string reason_without_flush(const FileSystemInfo& info);

/// Whether a power cut leaves a rename within a directory done or undone, never half done. False
/// where that is not known.
bool renames_at_once(const FileSystemInfo& info);

/// The protocol for a commit into `directory`, or for `many` at once. ErrorKind::unsupported when
/// `fast` is asked for and refused. Asks the file system nothing when the answer does not depend on
/// it.
Result<Protocol> choose_protocol(FileSystem& files, Handle directory, const WriteOptions& options,
                                 const std::string& path, bool many = false);

/// The error of a pipeline on a file system that is not on the list of its protocol.
Result<void> check_protocol(FileSystem& files, Handle directory, Protocol protocol,
                            const std::string& path);

}  // namespace perdure
