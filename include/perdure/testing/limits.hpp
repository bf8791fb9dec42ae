// SPDX-License-Identifier: BSL-1.0
// The user who makes the simulator's calls, how much its disk holds, and what a mount changes.
#pragma once

#include <cstdint>
#include <limits>

namespace perdure::testing {

/// The user who makes the calls. User 0 may do everything, as root does.
struct User {
  std::uint32_t user = 0;     ///< The number of the user, whose files the new ones are.
  std::uint32_t group = 0;    ///< The number of the group, likewise.
  std::uint32_t umask = 022;  ///< Bits that a new file does not get, unless a default ACL decides.
  /// The number of all owners that the user name space has none for.
  std::uint32_t overflow = 65534;
};

/// How much fits. More is ENOSPC, or EDQUOT where the quota is the smaller one.
struct Limits {
  /// No limit applies.
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t space = none;         ///< Bytes, in blocks of 4096.
  std::uint64_t inodes = none;        ///< Files and directories, the root among them.
  std::uint64_t quota_space = none;   ///< Bytes of each user but 0.
  std::uint64_t quota_inodes = none;  ///< Files and directories of each user but 0.
  std::uint64_t handles = none;       ///< Open at once; EMFILE.
  std::uint64_t links = 65000;        ///< Names of one file; EMLINK.
};

/// The files that have another inode number, birth and ctime once the disk is mounted anew. Each
/// old number goes to another file, so a program that knows a file by its number takes it for
/// another one. Content, mode and mtime stay.
enum class Renumbering : std::uint8_t {
  none,        ///< Numbers are kept on the disk: ext4, xfs, btrfs.
  files,       ///< Directories keep theirs.
  everything,  ///< All but the root of the file system: a copy, or a mount that counts anew.
};

}  // namespace perdure::testing
