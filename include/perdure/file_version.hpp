// SPDX-License-Identifier: BSL-1.0
// The version of a file, by which a change of it is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

namespace perdure {

/// The identity of a target at one moment, read from one descriptor together with its content.
///
/// Two equal versions mean: the same file, not written, renamed, linked or re-moded in between (a
/// change of metadata changes `ctime_ns`). An inode number alone does not identify a file: ext4
/// hands a freed one to the next file. Where a file system has no birth time, `birth_ns` is 0.
struct Version {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  /// Nanoseconds since 1970, as statx(2) gives them; a time before 1677 or after 2262 is the
  /// nearest that fits. So below.
  std::int64_t birth_ns = 0;
  std::uint64_t size = 0;  ///< Bytes.
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;

  /// The version of a target that does not exist; as an expectation: "must not exist yet".
  static constexpr Version absent() noexcept { return {}; }
  [[nodiscard]] constexpr bool is_absent() const noexcept { return *this == absent(); }

  /// True when both are the same file, whatever was written to it since.
  [[nodiscard]] constexpr bool same_file(const Version& other) const noexcept {
    return device == other.device && inode == other.inode && birth_ns == other.birth_ns;
  }

  friend constexpr bool operator==(const Version&, const Version&) noexcept = default;
};

/// Content and the version that it belongs to, read from one descriptor.
struct FileContent {
  Buffer bytes;
  Version version;
};

/// A token without spaces, for scripts; `absent` for no file. `parse_version` reads it back.
[[nodiscard]] std::string to_string(const Version& version);

/// Reads what `to_string` wrote; anything else is ErrorKind::invalid_argument.
[[nodiscard]] Result<Version> parse_version(std::string_view token);

}  // namespace perdure
