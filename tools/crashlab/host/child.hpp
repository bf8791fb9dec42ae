// SPDX-License-Identifier: BSL-1.0
// Runs a command for a bounded time and keeps the end of its output.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace crashlab {

struct Command {
  std::vector<std::string> arguments;              ///< the first is looked up in PATH
  std::map<std::string, std::string> environment;  ///< beside ours
  double timeout_s = 60;

  /// A line for /bin/sh.
  static Command shell(const std::string& line);
};

struct Outcome {
  int exit_code = -1;  ///< 128 + signal when a signal ended it
  bool timed_out = false;
  std::string output;  ///< standard output and error, at most the last 64 kB

  bool good() const { return exit_code == 0 && !timed_out; }
  /// "status 3", "signal 11" or "no end after 60 s", and the output.
  std::string story() const;
};

/// Called about every quarter of a second during a wait.
using Tick = std::function<void()>;

/// Runs it in a process group of its own and returns when it has ended. Kills processes that it
/// leaves running in that group. Throws Failure when the command can't be started.
Outcome run(const Command& command, const Tick& tick = {});

/// The environment of a command: ours with its own.
std::vector<std::string> environment_of(const Command& command);

/// Pointers for execve; valid while `texts` is.
std::vector<char*> pointers(const std::vector<std::string>& texts);

/// Kills a process group and reaps those of its processes that are our children.
void end_group(pid_t group);

/// Appends the bytes that can be read now; keeps the last 64 kB. Returns false at the end of the
/// file.
bool drain(int fd, std::string& output);

int exit_code_of(int wait_status);

}  // namespace crashlab
