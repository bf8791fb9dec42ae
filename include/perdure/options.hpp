// SPDX-License-Identifier: BSL-1.0
// The options of a commit; the defaults are the safe ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/detail/export.hpp>
#include <perdure/file_version.hpp>
#include <perdure/lock_wait.hpp>

namespace perdure {

/// The promise of a commit that has returned. Each includes the one before it.
enum class Durability {
  none,     ///< Old or new when the process dies. After a power cut: anything.
  ordered,  ///< Old or new after a power cut too, but maybe old.
  durable,  ///< New after a power cut, from the moment on that `commit` returned.
};

/// The order of system calls by which a durability is reached.
enum class Protocol {
  portable,  ///< Sync the temp, rename it, sync the parent: holds on every file system.
  /// Await the temp's data, rename it, sync the renamed file: half the flushes. Holds on ext4 and
  /// xfs under conditions that are checked, and loses acknowledged commits elsewhere.
  fast,
  /// Sync the whole file system, rename, sync it again: for many files at once on btrfs, where a
  /// sync of each costs more. Each sync waits for the writes of other programs, too.
  whole,
  /// Append a record with the new content to the log of an open Root, and sync the log: one flush.
  logged,
};

/// Which protocol a commit shall use.
enum class ProtocolChoice {
  /// `fast` where it is known to hold, `whole` for many files on btrfs, else `portable`; the
  /// receipt says which.
  automatic,
  portable,  ///< Protocol::portable, everywhere.
  fast,      ///< ErrorKind::unsupported, with the reason, where it is not known to hold.
};

/// How a commit treats a target that is a symbolic link.
enum class SymlinkPolicy {
  follow,   ///< Replace the file that it points at; the link stays. A dangling link is an error.
  replace,  ///< Replace the link itself.
  refuse,   ///< Fail with ErrorKind::symlink_refused.
};

/// How a commit treats a target that exists.
enum class ExistingPolicy {
  replace,  ///< Put the new content in its place.
  keep,     ///< Fail with ErrorKind::exists; decided by the kernel at the publish, not before it.
  /// Give the old content a second name first; the target is never missing. If the commit fails
  /// after that, an older backup is gone: both names have the content that stays.
  backup,
};

/// Which mode, owner, ACL and extended attributes the new file gets.
struct Metadata {
  /// The metadata of the existing target: mode, owner, group, POSIX ACL and extended attributes. If
  /// one of them can't be kept, that is ErrorKind::metadata before anything is published.
  /// `security.ima` and `security.evm` are not kept: they are the kernel's. The set-user-id bit,
  /// the set-group-id bit and capabilities are kept only with `keep_special`. A new file gets
  /// `mode` less the umask.
  static constexpr Metadata preserve(std::uint32_t mode = 0666) noexcept {
    return {.preserved = true, .mode = mode, .owner = {}, .group = {}};
  }

  /// The same, but with exactly this mode, for a new file too, whatever the umask says. An ACL of
  /// the target is kept as chmod(2) keeps it: the mode's group bits are its mask.
  static constexpr Metadata preserve_with_mode(std::uint32_t mode) noexcept {
    return {.preserved = true, .mode = mode, .exact = true, .owner = {}, .group = {}};
  }

  /// Nothing of the existing target: exactly this mode, whatever the umask or the directory's
  /// default ACL say, and no ACL beyond it. Unless `owner` and `group` are set, the file gets those
  /// of any new file there: the owner and group of the process. The group is the directory's where
  /// the directory has the set-group-id bit, or its mount says so (`grpid`).
  static constexpr Metadata fixed(std::uint32_t mode) noexcept {
    return {.preserved = false, .mode = mode, .exact = true, .owner = {}, .group = {}};
  }

  bool preserved = true;      ///< The existing target's are kept, except those set below.
  std::uint32_t mode = 0666;  ///< Permission bits, 07777 at most.
  bool exact = false;         ///< `mode` is for an existing target, too, and not less the umask.
  std::optional<std::uint32_t> owner;  ///< In the place of the target's.
  std::optional<std::uint32_t> group;  ///< In the place of the target's.
  /// Keep the target's set-user-id bit, set-group-id bit and capabilities. They were given to the
  /// old content; the kernel, too, takes them away from a file that is written.
  bool keep_special = false;
};

class GroupCommit;

/// How a commit is made. The defaults are the safe ones.
struct WriteOptions {
  Durability durability = Durability::durable;  ///< Promised once the call returned.
  /// Counts for the durabilities `ordered` and `durable`; `none` needs no protocol. A writer asks
  /// for the directory's file system once, when it is bound: bind again after a remount.
  ProtocolChoice protocol = ProtocolChoice::portable;
  /// The group with which durable commits share syncs; empty: each syncs on its own.
  std::shared_ptr<GroupCommit> group{};
  SymlinkPolicy symlink = SymlinkPolicy::follow;      ///< For a link at the target itself.
  ExistingPolicy existing = ExistingPolicy::replace;  ///< For any file at the target.
  std::string backup_suffix = "~";  ///< ExistingPolicy::backup: the old content is TARGET + suffix.
  Metadata metadata = Metadata::preserve();  ///< Of the new file.

  /// Refuse a target without any write bit in its mode (0444) with ErrorKind::read_only. Otherwise
  /// it is replaced like any other: a rename asks for permission at the directory alone.
  bool refuse_read_only = false;

  /// Make missing parents (mode 0777 less the umask), each durable in its own parent, whatever the
  /// commit's durability. The nearest parent that exists may not be durable: its maker may have
  /// been killed before the sync. So with Durability::durable its name is synced again each time
  /// that a directory is opened. That is once for a bound writer or a tracker, and one more flush
  /// for each commit by path.
  bool make_parents = false;
  /// Read the content back from the disk before it is published (not with Durability::none).
  bool verify = false;
  /// Go on only if the target is still this version (Version::absent(): if there is none);
  /// otherwise ErrorKind::conflict. Compared under the target's lock, so that only one of several
  /// writers that pass a version can win. It is for one commit: calls for many commits
  /// (AtomicWriter::bind, write_files) refuse it here, and take one for each commit.
  std::optional<Version> expected{};
  /// Fill Receipt::version; one system call more. Implied by an expected version.
  bool report_version = false;
  /// Take the target's lock, as an expected version and ExistingPolicy::keep always do. Without
  /// it two plain replaces are last-writer-wins.
  bool coordinate = false;
  /// How long to wait for the lock; 0 tries once.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// Ends a wait for the lock before the timeout: ErrorKind::stopped, with nothing touched. A lock
  /// that is free is taken all the same.
  StopCondition stop{};
};

/// The word for it: "none", "ordered" or "durable".
[[nodiscard]] PERDURE_API std::string_view to_string(Durability durability) noexcept;
/// The word for it: "portable", "fast", ...
[[nodiscard]] PERDURE_API std::string_view to_string(Protocol protocol) noexcept;

}  // namespace perdure
