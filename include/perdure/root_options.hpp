// SPDX-License-Identifier: BSL-1.0
// How a root is held open.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <perdure/options.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// When the files of a commit get their new content. A commit is durable when it returns in each.
enum class Publish {
  /// Before it returns. Where Protocol::fast is known to hold, a file's data is on the disk before
  /// it has its name: a reader never finds a damaged one.
  at_once,
  /// Before it returns, and in no order: after a power cut a reader may find a damaged file until
  /// the root is recovered. Saves the wait for the data.
  unordered,
  /// When the log settles. Until then other programs find the older file, and Root::read and
  /// transactions find the newer one. A path that was written often gets only the last content.
  later,
};

/// How records are written to the log. Each is durable when its commit returns, at one flush.
enum class LogWrites {
  /// The first commits of at most 64 KiB take both ways in turns, and are timed. Then such commits
  /// take the faster one until the root is closed, and larger ones go through the cache.
  measured,
  /// Through the page cache, made durable by fdatasync(2).
  cached,
  /// Past the page cache, each write durable when it returns (O_DIRECT, RWF_DSYNC). A disk that has
  /// FUA needs no flush for it. ErrorKind::unsupported but on ext4 and xfs. If the disk refuses
  /// such a write later, or fails it, records go through the cache until the root is closed.
  direct,
};

/// How a Root commits. The defaults are for small files that change often.
struct RootOptions {
  /// As TransactionOptions::private_directory; the log lies there, too.
  std::string private_directory = ".perdure";
  /// Of files that are put, unless PutOptions::metadata says otherwise.
  Metadata metadata = Metadata::preserve();
  /// As TransactionOptions::refuse_read_only.
  bool refuse_read_only = false;
  /// How long to wait for another holder of the root; 0 tries once.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// As WriteOptions::stop, for the root's lock and for those of paths with an expected version.
  StopCondition stop{};
  /// Bytes of each of the log's two segments, from 8 KiB to 1 GiB, in whole blocks of 4096. When
  /// one is full, its published files are settled. A log that is there keeps its size.
  std::uint64_t segment_size = std::uint64_t{4} << 20U;
  /// A commit with more bytes of new content than this goes through a journal, like a Transaction
  /// without a Root. So does a commit that does not fit a segment.
  std::uint64_t record_size_max = std::uint64_t{1} << 20U;
  Publish publish = Publish::at_once;      ///< When files get their content.
  LogWrites writes = LogWrites::measured;  ///< How records are written to the log.
  /// A commit settles the log if the first unsettled commit is this old. 0: only a full segment or
  /// Root::settle does.
  std::chrono::milliseconds settle_after_ms{0};
  /// Settles after `settle_after_ms` also when nobody commits any more, on a thread of the root's.
  bool settler_thread = false;
  System system = native_system();  ///< Must outlive the root.
};

}  // namespace perdure
