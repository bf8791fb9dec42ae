// SPDX-License-Identifier: BSL-1.0
// The everyday calls: write, read and remove files by path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/file_version.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/receipt.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// Commits `image` to `target`, durable unless the options say otherwise. See AtomicWriter for
/// what holds on failure.
PERDURE_API Result<Receipt> write_file(const Path& target, Bytes image,
                                       const WriteOptions& options = {},
                                       System system = native_system());
/// The same of text.
inline Result<Receipt> write_file(const Path& target, std::string_view text,
                                  const WriteOptions& options = {},
                                  System system = native_system()) {
  return write_file(target, as_bytes(text), options, system);
}

/// One file of a batch.
struct NewFile {
  Path target;                        ///< As of write_file.
  Bytes image;                        ///< Not owned; must last until `write_files` returned.
  std::optional<Version> expected{};  ///< As WriteOptions::expected, which must be empty.
};

/// Commits each of `files` as write_file would, and makes up to 256 at a time durable together.
/// Their writes overlap, and the last sync serves them all. One result for each, in the order of
/// `files`. The outcome of one says nothing about the others: for all or none there is Transaction.
/// They are published in no promised order.
///
/// A target is known by its directory and leaf once links are followed, not by its spelling. Of
/// several paths of one target the batch writes one and refuses the others with
/// ErrorKind::invalid_argument. Of equal paths it writes the first; of paths that are spelled in
/// other ways it writes the first if all files become durable together. If a link is changed while
/// the call runs, the call takes it as it was when it read the link.
///
/// Locks are taken in one order, whatever the order of `files` and the spelling. So batches never
/// wait for each other, or for transactions, in a circle. At most 600 descriptors are open at a
/// time, for directories, locks and temps. Where files need more than two each, fewer of them
/// become durable together.
PERDURE_API std::vector<Result<Receipt>> write_files(std::span<const NewFile> files,
                                                     const WriteOptions& options = {},
                                                     System system = native_system());

/// Reads a regular file, links followed. The content is intact, and that of the version. A file
/// that changes while it is read is read again; one that a commit replaces is read as it was. A
/// file larger than `size_max` is an error, as is one that changes in place again and again
/// (ErrorKind::conflict). A missing one has the cause ENOENT
/// (`std::errc::no_such_file_or_directory`).
PERDURE_API Result<FileContent> read_file(const Path& path, std::uint64_t size_max = UINT64_MAX,
                                          System system = native_system());

/// The version of `path` now, links followed; Version::absent() when the file is missing. Where the
/// kernel stamps files by the tick, a call waits until the tick of a recent change is over
/// (docs/architecture.md). So two calls give equal versions of a file that nobody changed.
PERDURE_API Result<Version> read_version(const Path& path, System system = native_system());

/// The same by the content alone, which is read. This version still holds after reboots, remounts
/// and copies, and when only the metadata or the names of the file change.
PERDURE_API Result<Version> read_content_version(const Path& path, System system = native_system());

/// Whether `leaf` is a name for files of the library's own beside targets: temps, locks, previous
/// generations of a state, the marker of a root. The case of the letters does not matter. Every
/// call that writes, moves or removes refuses them with ErrorKind::invalid_argument. Backups and
/// damaged states that were set aside are the user's, and are not among them.
[[nodiscard]] PERDURE_API bool is_reserved_name(std::string_view leaf);

/// Removes a file (or a symbolic link itself, never the file that it points at) so that it stays
/// removed. Of the options, `remove_file` looks at `durability` (`ordered` makes no sync here),
/// `coordinate`, `lock_timeout_ms`, `stop` and `expected`. Fate::visible: the name is gone, but a
/// power cut may bring it back.
PERDURE_API Result<void> remove_file(const Path& target, const WriteOptions& options = {},
                                     System system = native_system());

}  // namespace perdure
