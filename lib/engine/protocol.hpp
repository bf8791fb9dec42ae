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

/// The allow-list, and the conditions of its entries. A file system of which it is not known to
/// hold is refused: another type, an option that was not tried, a fact that could not be read.
ProtocolCheck allows_fast(const FileSystemInfo& info);

/// Whether `whole` is what many files at once take there.
ProtocolCheck allows_whole(const FileSystemInfo& info);

/// Whether a Root can keep a log, by which protocol its files get their names, and why (not).
struct LogCheck {
  /// `fast`: behind their content; `whole`: in no order. Empty: no log.
  std::optional<Protocol> protocol;
  std::string reason;
};

/// By what is known about a directory: of something made in it, `made`, how that is stamped, and
/// the file system. `in_order`: `fast` is wanted where it is allowed.
LogCheck allows_log(const Status& made, Stamps stamps, const FileSystemInfo& info,
                    bool in_order = true);

/// How many flushes a sync of a log costs the device, as counted there; empty where they were not.
std::optional<unsigned> flushes_of_log(const FileSystemInfo& info);

/// Why a sync does not flush the disk's cache there; empty where it does, as far as is known.
std::string reason_without_flush(const FileSystemInfo& info);

/// Whether a power cut leaves a rename within a directory done or undone, never half done. False
/// where that is not known.
bool renames_at_once(const FileSystemInfo& info);

/// The protocol for a commit into `directory`, or for `many` at once. ErrorKind::unsupported when
/// `fast` is asked for and refused. Asks the file system nothing when the answer does not depend on
/// it.
Result<Protocol> choose_protocol(FileSystem& files, Handle directory, const WriteOptions& options,
                                 const std::string& path, bool many = false);

/// The error of a pipeline that needs an allow-listed file system on another one.
Result<void> check_protocol(FileSystem& files, Handle directory, Protocol protocol,
                            const std::string& path);

}  // namespace perdure
