// SPDX-License-Identifier: BSL-1.0
// The version of a file, by which a change of it is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>

namespace perdure {

/// The identity of a target at one moment, read from one descriptor together with its content. Two
/// different contents never have the same version.
///
/// There are two kinds. The stamps of a file (everything but `content`) mean: the same file, not
/// changed in between. A write, a rename, a link or a new mode changes `ctime_ns`. An inode number
/// alone does not identify a file: ext4 hands a freed one to the next file. A hash of the content
/// tells contents apart where stamps can't: two changes within one tick of a coarse clock have
/// equal stamps (docs/architecture.md). A version that has both means both.
///
/// With `content` and `size` alone, and no stamps, it means that content in whatever file: it holds
/// across reboots, remounts and copies. See read_content_version.
struct Version {
  std::uint64_t device = 0;  ///< The device that the file lies on, as stat(2) numbers it.
  std::uint64_t inode = 0;   ///< The number of the file on that device.
  /// When the file was made: nanoseconds since 1970, as statx(2) gives them. A time before 1677 or
  /// after 2262 is the nearest that fits. The times below are of the same form.
  std::int64_t birth_ns = 0;
  std::uint64_t size = 0;     ///< Bytes.
  std::int64_t mtime_ns = 0;  ///< When its content changed last; any program may set it.
  std::int64_t ctime_ns = 0;  ///< When anything of it changed last; set by the kernel alone.
  /// XXH3 of the content, never 0; 0: the stamps tell all. Finds accidents, not attackers.
  std::uint64_t content = 0;

  /// The version of a target that does not exist; as an expectation: "must not exist yet".
  static constexpr Version absent() noexcept { return {}; }
  /// Whether it stands for a target that does not exist.
  [[nodiscard]] constexpr bool is_absent() const noexcept { return *this == absent(); }

  /// Whether it means a content, in whatever file.
  [[nodiscard]] constexpr bool is_of_content() const noexcept {
    return content != 0 && ctime_ns == 0 && inode == 0 && device == 0;
  }

  /// True when both have the same stamps: whether the contents are equal, too, a `content` tells.
  [[nodiscard]] constexpr bool same_stamps(const Version& other) const noexcept {
    return same_file(other) && size == other.size && mtime_ns == other.mtime_ns &&
           ctime_ns == other.ctime_ns;
  }

  /// True when both are the same file, whatever was written to it since.
  [[nodiscard]] constexpr bool same_file(const Version& other) const noexcept {
    return device == other.device && inode == other.inode && birth_ns == other.birth_ns;
  }

  /// Equal versions are of one content. Unequal ones may be of one content, too. On a coarse clock,
  /// a look within the tick of the last change has a `content`; a later look at the same file has
  /// none. An expectation (WriteOptions::expected) may be either.
  friend constexpr bool operator==(const Version&, const Version&) noexcept = default;
};

/// Content and the version that it belongs to, read from one descriptor.
struct FileContent {
  Buffer bytes;     ///< The whole content.
  Version version;  ///< Of exactly that content.
};

/// A token without spaces, for scripts; `absent` for no file. `parse_version` reads it back.
[[nodiscard]] PERDURE_API std::string to_string(const Version& version);

/// Reads what `to_string` wrote; anything else is ErrorKind::invalid_argument.
[[nodiscard]] PERDURE_API Result<Version> parse_version(std::string_view token);

}  // namespace perdure
