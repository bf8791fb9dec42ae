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

/// How missing directories are treated, and whether the names of existing ones are synced.
enum class Parents : std::uint8_t {
  required,  ///< They are an error.
  /// They are made, and their names synced, so that everybody who finds them may rely on them.
  made,
  /// As `made`. The maker of the directory that was found may have been killed before it synced the
  /// name, so that name is synced, too. One is enough, since no maker goes on below a name that is
  /// not durable.
  durable,
};

Parents parents_for(const WriteOptions& options);

/// Opens `path`. An empty one is `.`: so the parent of a name alone reads. A directory whose name
/// could not be synced is removed again, unless somebody has put something there in the meantime.
Result<OwnedHandle> open_directory(FileSystem& files, const boost::filesystem::path& path,
                                   Parents parents = Parents::required);

/// Opens a directory that a user named, for a call about all of its content. An empty name is
/// refused: a variable without a value must not stand for the working directory.
Result<OwnedHandle> open_named_directory(FileSystem& files, const boost::filesystem::path& path);

/// Whether temps can be removed from a directory. An append-only one takes new names and lets none
/// be removed, so that each commit would leave its temp there.
PERDURE_INTERNAL_API Result<void> check_names_go(const Status& directory, const std::string& path);
/// The same for an open directory; its status.
Result<Status> check_names_go(FileSystem& files, Handle directory, const std::string& path);

/// Adds words that say what a failed sync of a directory means.
PERDURE_INTERNAL_API void explain_directory_sync(Error& error);

/// The answer of a directory's sync for a caller who asked for `durability`. Below `durable`, it is
/// a success also where the file system can't sync directories.
PERDURE_INTERNAL_API SysResult<void> as_asked(SysResult<void> synced, Durability durability);

/// Remembers that a directory could not be synced. The next durable commit there could not become
/// durable, so it is refused before it publishes. Any number of threads may share one.
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
