// SPDX-License-Identifier: BSL-1.0
// The paths beneath a root: which are allowed, and the directories that they lie in.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <perdure/error.hpp>
#include <perdure/file_version.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

inline constexpr std::size_t path_size_max = 4096;

/// Why `path` is not a plain path beneath a root; empty when it is one. Previous generations of
/// states are, which only their trackers may name.
[[nodiscard]] std::string_view fault_of_path(std::string_view path);

/// "a/b" is in "a"; "a" is in "".
[[nodiscard]] std::string parent_of(const std::string& relative);
[[nodiscard]] std::string leaf_of(const std::string& relative);

/// The identity of a file across a crash: a device's number may differ after the next mount, and
/// the root lies on one device anyway.
struct Identity {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};
[[nodiscard]] inline Identity identity_of(const Version& version) {
  return {version.inode, version.birth_ns};
}

/// Whether the open directory is the other one, or lies in it, as far as this user may look.
SysResult<bool> lies_in(FileSystem& files, Handle directory, const Version& other);

/// Gives a directory a name that must be free. Where the file system can't rename without
/// replacing, this looks first, and a rename replaces an empty directory at most (rename(2)).
SysResult<void> rename_directory(FileSystem& files, Handle from_directory, const std::string& from,
                                 Handle to_directory, const std::string& to);

/// Directories beneath a root, opened without following links, and kept open as long as there are
/// not too many.
class Directories {
 public:
  /// `root` stays open as long as this is used.
  Directories(FileSystem& files, Handle root) : files_(files), root_(root) {}
  /// The directory `relative`, "" for the root itself. Not owned; valid until the next call. A
  /// directory that is not the expected one counts as missing.
  SysResult<Handle> open(const std::string& relative);
  /// The status of the path now; empty where there is nothing, or no directory for it.
  SysResult<std::optional<Status>> stat(const std::string& relative);
  /// Opens each anew from now on: a directory that is open stays the same when its path leads
  /// elsewhere.
  void look_anew() noexcept { open_.clear(); }
  /// From now on only this directory counts at `relative`.
  void expect(const std::string& relative, const Identity& identity);
  /// The transaction removes this directory: if nothing is at its path, this transaction removed
  /// it.
  void may_be_gone(const std::string& relative) { removed_.insert(relative); }
  /// The transaction puts a directory in the place of the file at this path, or a file in the place
  /// of the directory. If there is no directory, the transaction did that, and nothing is in it.
  void may_be_file(const std::string& relative) { files_or_not_.insert(relative); }
  /// The path keeps the type that it has now.
  void is_what_it_is(const std::string& relative) { files_or_not_.erase(relative); }
  /// Whether somebody else replaced this directory or one on the way to it. Then an expected
  /// directory is gone or is another one, or a file, a link or a mount is there.
  SysResult<bool> is_replaced(const std::string& relative);
  /// As `open`; empty where the directory is gone, or was replaced: nothing of ours is in it.
  SysResult<std::optional<Handle>> open_if_ours(const std::string& relative);

 private:
  /// Whether the way is blocked by something other than a directory of ours, which could not be
  /// opened.
  SysResult<bool> is_blocked(const std::string& relative, std::error_code cause);
  /// Whether the directory, or one on the way to it, is one of `may_be_file`, and is not a
  /// directory now.
  SysResult<bool> lies_in_file(const std::string& relative);

  FileSystem& files_;
  Handle root_;
  std::map<std::string, Identity> expected_;
  std::set<std::string> removed_;
  std::set<std::string> files_or_not_;
  std::map<std::string, OwnedHandle> open_;
};

}  // namespace perdure
