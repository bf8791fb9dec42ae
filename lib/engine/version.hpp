// SPDX-License-Identifier: BSL-1.0
// The one place that makes and compares versions: it knows about ticks.
#pragma once

#include <string>

#include <perdure/pipeline/target.hpp>

#include "base/checksum.hpp"
#include "base/internal.hpp"

namespace perdure {

/// Whether the stamps of this look tell the content from every later one. Then the file system
/// stamps finely, or a tick has passed since the last change. `handle` is the file's or its
/// directory's. Costs no call where the mount is known.
[[nodiscard]] bool is_settled(FileSystem& files, Handle handle, const Status& status);

/// Waits out the tick in which a file was changed: a change after this look could have the same
/// stamps. False where it did not wait, and the look counts. Then the stamps are settled; or they
/// are foreign, very coarse or change all the time, and the content has to tell. `waits` is how
/// often the caller waited before.
[[nodiscard]] bool wait_out_tick(FileSystem& files, Environment& environment, Handle handle,
                                 const Status& status, int waits);

/// The hash of all bytes; never 0.
[[nodiscard]] std::uint64_t content_hash(Bytes bytes);
[[nodiscard]] std::uint64_t content_hash(const Checksum& checksum);
SysResult<std::uint64_t> content_hash(FileSystem& files, Handle file);

/// Opens the file `name` in the target's directory, to read it.
Result<OwnedHandle> open_named(const Target& target, const std::string& name);

/// The version of an open file that was looked at just now: with a hash, if it is not settled.
SysResult<Version> version_of(FileSystem& files, Handle file, const Status& status);

/// The version of the file `name` in the target's directory that was looked at just now.
PERDURE_INTERNAL_API Result<Version> version_at(const Target& target, const std::string& name,
                                                const Status& status);

/// Whether the file `name` in the target's directory, of this status, is of that version. Reads it
/// where only the content can tell.
PERDURE_INTERNAL_API Result<bool> has_version(const Target& target, const std::string& name,
                                              const Status& status, const Version& version);

/// Whether both may be one file, by the stamps that its names have in common. An overlay of a user
/// name space (a rootless container's) may not mark in the upper layer where a file came from. It
/// then shows another inode number for each name of the file.
[[nodiscard]] PERDURE_INTERNAL_API bool may_be_one_file(const Version& one, const Version& other);

/// The same for its content alone. True for a version without a hash, of which only the stamps
/// tell.
PERDURE_INTERNAL_API Result<bool> has_content_of(const Target& target, const std::string& name,
                                                 const Status& status, const Version& version);

/// Whether the stamps are those of an earlier look. They don't show a change within its tick,
/// unless that look was settled.
[[nodiscard]] bool has_stamps_of(const Status& status, const Version& version);

/// The version of a file that is looked at again and again. Once its stamps have settled, they are
/// enough, and no look reads the content any more.
class PERDURE_INTERNAL_API KnownVersion {
 public:
  void know(const Version& version) {
    version_ = version;
    settled_ = version.content == 0;
  }
  /// Learns the result of a look that read the content, too. A version of that content stays as it
  /// was: with the hash of a look that had not settled, it tells as much.
  void know(const Version& version, Bytes content);
  /// The version of the same file by another name: the known one, so that one content has one
  /// version, or else `version`.
  [[nodiscard]] const Version& or_known(const Version& version, Bytes content) const {
    return is_known(version, content) ? version_ : version;
  }
  [[nodiscard]] const Version& get() const noexcept { return version_; }
  /// Whether the target, of this status, is of this version still.
  Result<bool> is_still(const Target& target, const Status& status);
  /// The version to expect at a target that was found to be still of this one.
  [[nodiscard]] Version expected(const Status& status) const {
    return settled_ ? status.version : version_;
  }

 private:
  [[nodiscard]] bool is_known(const Version& version, Bytes content) const;

  Version version_;
  bool settled_ = false;  ///< The stamps are enough, whatever hash there is.
};

}  // namespace perdure
