// SPDX-License-Identifier: BSL-1.0
// Looks for the circumstances of an error: a sticky directory, no inodes left.
#include "engine/explain.hpp"

#include "base/advice.hpp"

namespace perdure {
namespace {

/// The kernel's rule for renames and unlinks in a sticky directory (__check_sticky in its
/// include/linux/fs.h).
bool is_kept_by_sticky_bit(FileSystem& files, Handle directory, const Status& existing) {
  constexpr std::uint32_t sticky = 01000;
  const std::uint32_t user = files.user();
  if (user == 0 || existing.owner == user) return false;
  const auto status = files.stat(directory);
  return status && (status.value().mode & sticky) != 0 && status.value().owner != user;
}

bool lacks_inodes(FileSystem& files, Handle directory) {
  const auto info = files.describe(directory);
  return info && info.value().files_free == 0U && info.value().space_free > 0;
}

}  // namespace

void explain(Error& error, FileSystem& files, Handle directory,
             const std::optional<Status>& existing) {
  if (directory == Handle::none || !error.detail.empty()) return;
  const bool refused = error.cause == std::errc::operation_not_permitted ||
                       error.cause == std::errc::permission_denied;
  const bool renames = error.step == "publish" || error.step == "remove the file";
  if (refused && renames && existing && is_kept_by_sticky_bit(files, directory, *existing)) {
    error.detail = circumstance::sticky;
  }
  if (error.cause == std::errc::no_space_on_device && lacks_inodes(files, directory)) {
    error.detail = circumstance::no_inodes;
  }
}

}  // namespace perdure
