// SPDX-License-Identifier: BSL-1.0
// Opens the directory of a target, with parents that are missing.
#pragma once

#include <atomic>
#include <cstdint>

#include <boost/filesystem/path.hpp>

#include <perdure/options.hpp>
#include <perdure/pipeline/stage.hpp>

#include "base/internal.hpp"

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

/// Opens `path`, `.` if that is empty, as the parent of a name alone is. A directory whose name
/// could not be synced is removed again, unless somebody has put something there in the meantime.
Result<OwnedHandle> open_directory(FileSystem& files, const boost::filesystem::path& path,
                                   Parents parents = Parents::required);

/// Opens a directory that a user named for all that is in it. An empty name is refused: a variable
/// without a value must not stand for the working directory.
Result<OwnedHandle> open_named_directory(FileSystem& files, const boost::filesystem::path& path);

/// Whether temps can go from a directory again. An append-only one takes new names and gives none
/// back, so that each commit would leave its temp there.
PERDURE_INTERNAL_API Result<void> check_names_go(const Status& directory, const std::string& path);
/// The same for an open directory; its status.
Result<Status> check_names_go(FileSystem& files, Handle directory, const std::string& path);

/// Says of a sync of a directory that failed what that means.
PERDURE_INTERNAL_API void explain_directory_sync(Error& error);

/// The answer of a directory's sync to a caller who asked for `durability`: one that asked for less
/// than `durable` takes a file system that can't sync a directory as it is.
PERDURE_INTERNAL_API SysResult<void> as_asked(SysResult<void> synced, Durability durability);

/// Remembers that a directory could not be synced, so that the next durable commit there is refused
/// before it publishes what can't become durable either. Any number of threads may share one.
class PERDURE_INTERNAL_API SyncMemory {
 public:
  /// `unsupported` where the directory could not be synced before.
  Result<void> check(const Target& target) const;
  /// Learns from a commit that failed there; whether it was for this reason.
  bool learn(const Error& failed) noexcept;

 private:
  std::atomic<bool> refused_ = false;
};

}  // namespace perdure
