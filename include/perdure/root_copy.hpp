// SPDX-License-Identifier: BSL-1.0
// Copies of roots, made while others commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/path.hpp>
#include <perdure/procedure.hpp>
#include <perdure/transaction_options.hpp>

namespace perdure {

/// How a root is copied.
///
/// The copy is the root as it was at one moment: of every transaction all or nothing. It appears
/// under its name complete and durable, or not at all. Most of it is made while others commit. In
/// the last pass they wait while each file is looked at once more, and changed files are copied
/// again. (On file systems whose files another machine stamps, such as NFS, that pass reads all
/// files.) Programs that write to the files without perdure do not wait. A file that such a program
/// changes all the time is ErrorKind::conflict in the end.
///
/// The copy has the files, directories and symbolic links of the root, previous generations of
/// tracked states included. It has their modes, POSIX ACLs and extended attributes, except those of
/// links; times are those of the copy. If root, the user, copies, all keep their owners. Otherwise
/// they are the caller's, and lose set-user-id and set-group-id bits. Where the caller is not in a
/// file's group, the copy gets another group, and that group gets no more rights than everybody
/// (CopyReport::narrowed). The library's other files are left out, so that the copy becomes a root
/// by its first transaction. Sparse files are filled, and each hard link becomes a file of its own.
/// Pipes, devices and mounts in the root are ErrorKind::not_regular. A root within the root is
/// ErrorKind::unsupported, and so are two names that the destination's file system takes for one.
///
/// Until it is complete, the copy lies in the work directory `.LEAF.perdure-copy` beside its name.
/// A call that failed or was killed leaves that directory. The next call with the same destination
/// goes on with it, and does not copy a file again whose content is equal. Remove the directory to
/// give up. The destination's lock file stays, as by every commit.
struct CopyOptions {
  /// Reads each file of the copy back from the disk, past the cache. Compares its hash with that of
  /// the bytes which were read from the root. Files of an earlier call are read back anyway.
  bool checking = true;
  /// How many passes to make while others commit, before they have to wait for the last one.
  int passes_max = 4;
  /// Called with paths done and paths in all, in each pass; may be empty. Must not use the root: in
  /// the last pass others wait, and the call may come from the thread of one of them.
  Procedure<std::uint64_t /*done*/, std::uint64_t /*total*/> progress{};
};

/// The facts of a copy.
struct CopyReport {
  std::uint64_t files = 0;        ///< Regular files of the copy, `kept` included.
  std::uint64_t directories = 0;  ///< Beneath the root.
  std::uint64_t symlinks = 0;     ///< Symbolic links of the copy.
  std::uint64_t bytes = 0;        ///< Of content.
  std::uint64_t kept = 0;         ///< Files that an earlier call had copied.
  std::uint64_t narrowed = 0;     ///< Files and directories that give a group fewer rights.
  int passes = 0;                 ///< Passes over all of the root, the last one included.
  /// How long others could not commit.
  std::chrono::nanoseconds held{0};
  /// The library's own files, as SourceTree::left_out.
  std::vector<std::string> left_out;
};

/// Copies a root that transactions of any process commit to; recovers it first. The destination
/// must not exist; its directory must. Waits for the root's lock, and for that of the destination,
/// as `root_options` say. A process that holds the root open copies it by Root::copy_to.
/// ErrorKind::invalid_argument where no transaction was ever committed, or the copy would lie in
/// the root; ErrorKind::exists; ErrorKind::verify where the disk gives other bytes back. Fate
/// visible: the copy is there, and a power cut may still take its name. Fate unknown, with
/// ErrorKind::untrusted: somebody put another directory in its place. Fate unknown, otherwise: the
/// rename failed, and the copy is neither in its place nor in the work directory.
PERDURE_API Result<CopyReport> copy_root(const Path& root, const Path& destination,
                                         const CopyOptions& options = {},
                                         const TransactionOptions& root_options = {});

}  // namespace perdure
