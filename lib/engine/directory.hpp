// SPDX-License-Identifier: BSL-1.0
// Opens the directory of a target, with parents that are missing.
#pragma once

#include <cstdint>

#include <boost/filesystem/path.hpp>

#include <perdure/options.hpp>
#include <perdure/pipeline/stage.hpp>

namespace perdure {

/// How missing directories are treated, and who answers for the names of the others.
enum class Parents : std::uint8_t {
  required,  ///< They are an error.
  made,  ///< They are made, and their names synced, so that whoever finds them may rely on them.
  /// As `made`, and the name of the directory that was found is synced, too: its maker may have
  /// been killed before that. One is enough, since no maker goes on below a name that is not
  /// durable.
  durable,
};

Parents parents_for(const WriteOptions& options);

/// Opens `path`, `.` if that is empty. A directory whose name could not be synced is removed again,
/// unless somebody has put something there in the meantime.
Result<OwnedHandle> open_directory(FileSystem& files, const boost::filesystem::path& path,
                                   Parents parents = Parents::required);

/// Whether anybody may plant a name in this directory: it is sticky and open to all, like /tmp.
[[nodiscard]] bool is_open_to_all(const Status& directory);

/// Whether a name of this owner in that directory may be believed. In one that is open to all only
/// this user's and the directory owner's may, as for the kernel's own following of links
/// (may_follow_link in fs/namei.c, the sysctl protected_symlinks).
[[nodiscard]] bool is_owner_trusted(FileSystem& files, const Status& directory,
                                    std::uint32_t owner);

/// Says of a sync of a directory that failed what that means.
void explain_directory_sync(Error& error);

}  // namespace perdure
