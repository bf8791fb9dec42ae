// SPDX-License-Identifier: BSL-1.0
// A run keeps its mount points and sockets here, and a later run finds those of a killed one.
#pragma once

#include <string>

#include "host/posix.hpp"

namespace crashlab {

/// STATE/run-<random>: only root's, locked as long as any process of the run lives.
///
/// Besides the directory itself, the guard has to undo mounts beneath it, loop devices, and the
/// FUSE connection of its disk. It does not trust the directory's content. It finds mounts by
/// mountinfo, and loop devices by the directory's name as their tag. The connection ends with the
/// process that serves it.
class RunDir {
 public:
  /// Makes the state directory when it isn't there (0700), and refuses one that others could write
  /// to. Cleans up after runs that are dead, and makes a new directory.
  explicit RunDir(const std::string& state_dir);

  const std::string& path() const { return path_; }
  /// The loop device's tag.
  const std::string& name() const { return name_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  /// Removes all that this run left. May be repeated, from any process.
  void clean() const;

 private:
  std::string path_;
  std::string name_;
  UniqueFd lock_;
};

/// The state directory when none is named: CRASHLAB_STATE_DIR, /run/crashlab, or one beneath
/// XDG_RUNTIME_DIR where /run can't be written to.
std::string default_state_dir();

/// Makes the directory (0700) or checks that it is ours alone; throws Failure otherwise.
void make_private_dir(const std::string& path);

/// Ends a FUSE connection in any state of its server: its requests fail then. `connection` is the
/// minor device number of the mounted FUSE file system.
void abort_connection(unsigned connection);

}  // namespace crashlab
