// SPDX-License-Identifier: BSL-1.0
// Runs the laboratory where it can do no harm, and cleans up however it ends.
#pragma once

#include <functional>
#include <string>

#include "host/child.hpp"
#include "host/run_dir.hpp"

namespace crashlab {

/// The surroundings of the guarded work.
class Guarded {
 public:
  Guarded(const RunDir& run_dir, int heartbeat) : run_dir_(run_dir), heartbeat_(heartbeat) {}

  const RunDir& run_dir() const { return run_dir_; }
  /// Tells the guard that work goes on; throws Failure once somebody wants it to end (Ctrl-C,
  /// SIGTERM).
  Tick tick() const;
  /// Whether somebody wants the work to end.
  static bool stopping();
  /// Tells the laboratory that started this one in a guest what is done now.
  static void say(const std::string& text);
  /// Names the FUSE connection that is to be aborted when nothing else helps.
  void name_connection(const std::string& disk_path) const;

 private:
  void beat() const;

  const RunDir& run_dir_;
  int heartbeat_;
};

/// In a guest: gives signs of life in that directory, and looks there for the sign to end. To be
/// called before guarded().
void give_signs_in(const std::string& directory);

/// Whether the caller sees the mounts, or they are private and end with the work.
enum class Mounts { ours, private_ones };

/// Runs `work` as the first process of a PID namespace. So its end, however it comes, ends every
/// process that it started: the disk's, the workload's, the checker's. This process never touches a
/// mount. It passes signals on, and kills work that shows no life for `stall_max_s` seconds. It
/// aborts the FUSE connection when even that doesn't end the work, and cleans the run directory.
/// Should this process itself be killed, a janitor cleans; should all be killed, the next start.
/// Returns the work's status; 2 after a failure, with the reason on standard error.
int guarded(const std::string& state_dir, Mounts mounts, double stall_max_s,
            const std::function<int(const Guarded&)>& work);

}  // namespace crashlab
