// SPDX-License-Identifier: BSL-1.0
// A directory of the program's own beneath one that others may write to.
#pragma once

#include <memory>
#include <string>

#include <perdure/error.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure::cli {

/// Made for this user alone (mode 0700); the destructor removes it with all that is in it. It is
/// used by its handle, so a user who can rename it can't lead us elsewhere.
class PrivateDirectory {
 public:
  /// Makes one in `parent`, whose path is `path` in errors. `parent` stays the caller's, and open.
  /// An error where somebody else put another directory or a link in its place at once.
  static Result<std::unique_ptr<PrivateDirectory>> make(Handle parent, const std::string& path);

  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  /// Says on standard error if a part of it could not be removed, and why.
  ~PrivateDirectory();

  [[nodiscard]] Handle handle() const noexcept { return directory_.get(); }
  /// For errors only: somebody may have renamed the directory.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  PrivateDirectory(Handle parent, std::string leaf, std::string path, OwnedHandle directory,
                   const Version& version);

  Handle parent_;
  std::string leaf_;
  std::string path_;
  OwnedHandle directory_;
  Version version_;
};

}  // namespace perdure::cli
