// SPDX-License-Identifier: BSL-1.0
// Runs the laboratory on another kernel.
#pragma once

#include <string>
#include <vector>

namespace crashlab {

/// A laboratory in a guest: its words, and what it shares with this machine.
struct GuestRun {
  std::string kernel;               ///< as scripts/guest takes it: "6.1", or a package's file
  std::vector<std::string> words;   ///< the command line behind "crashlab"
  std::string signs;                ///< a directory for the signs of both sides
  std::vector<std::string> shared;  ///< more directories that it may write to
  double stall_max_s = 300;         ///< the guest is ended after so long a silence
  bool progress = false;            ///< show what it does, where standard error is a terminal
};

/// Boots the kernel in an emulator (scripts/guest) and runs `crashlab WORDS` there, as root; here
/// neither root nor loop devices are needed. Returns its status. SIGINT and SIGTERM end it between
/// two states. A second signal, a silence or the death of this process ends the whole guest. Throws
/// Failure when the laboratory there gave no status.
int run_in_guest(const GuestRun& run);

/// The words of a command line without those that name the guest.
std::vector<std::string> without_guest(std::vector<std::string> words);

}  // namespace crashlab
