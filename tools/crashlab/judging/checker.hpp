// SPDX-License-Identifier: BSL-1.0
// Asks the user's program whether a crash state is good.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "host/child.hpp"
#include "states/state_image.hpp"

namespace crashlab {

struct Verdict {
  bool good = false;
  std::string reason;  ///< why not
};

/// The state to be judged is mounted at CRASHLAB_MOUNT, and CRASHLAB_ACKED names the file with the
/// acknowledgements that came before the crash.
class Checker {
 public:
  virtual ~Checker() = default;
  virtual Verdict check() = 0;
  /// The verdict on a disk of this content, where it is known without a mount. Asked before each
  /// check().
  virtual std::optional<Verdict> recall(const ImageHash& /*disk*/) { return std::nullopt; }
};

/// Runs the command for each state: status 0 is good. A command that can't be found is a Failure.
std::unique_ptr<Checker> command_checker(Command command, Tick tick);

/// Starts the command once. For each state it gets the line "check N" (N counts) on its standard
/// input. It answers with one line on its standard output, "good" or "bad" with the reason behind
/// it. The command must have no file of the mount open when it answers. If it dies or doesn't
/// answer in time, that state is bad, and the command is started anew for the next.
std::unique_ptr<Checker> server_checker(Command command, Tick tick);

}  // namespace crashlab
