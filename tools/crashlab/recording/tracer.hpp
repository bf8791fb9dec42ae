// SPDX-License-Identifier: BSL-1.0
// Runs a workload that stands still at each of its calls that can change a file system.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "host/child.hpp"

namespace crashlab {

/// A system call of a stopped thread.
struct Call {
  pid_t thread = 0;
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// Watches the calls of a workload that can change one file system, one call at a time: all other
/// callers wait for their turn. Nobody waits for a call that may itself wait for another thread
/// (splice, sendfile, io_uring_enter).
class CallWatcher {
 public:
  virtual ~CallWatcher() = default;
  /// The caller stands still before its call, and after it with its result.
  virtual void before(const Call& call) = 0;
  virtual void after(const Call& call, std::int64_t result) = 0;
};

/// As run(), with a watcher. Mappings that are shared and written are seen when they are made.
Outcome run_watched(const Command& command, const std::string& mount_point, CallWatcher& watcher,
                    const Tick& tick);

/// As run(), and calls `step` before each call, by the command or any descendant, that can change
/// the file system mounted at `mount_point`. Calls on descriptors of other file systems are passed
/// over. Writes through a shared mapping can't be seen; msync can.
///
/// The caller has SIGCHLD blocked and no other child that it waits for in the meantime.
Outcome run_traced(const Command& command, const std::string& mount_point,
                   const std::function<void()>& step, const Tick& tick);

}  // namespace crashlab
