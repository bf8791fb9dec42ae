// SPDX-License-Identifier: BSL-1.0
// Asks the program's own recovery for the content of a tree, after a crash and at each moment
// before it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "host/child.hpp"
#include "witness/history.hpp"
#include "witness/ruling.hpp"
#include "witness/tree.hpp"

namespace crashlab {

/// The tree as it was at a position.
Tree tree_at(const History& history, Position position);

/// The command prints the content of the recovered files. After a power cut it must print the same
/// as after a kill between two calls of the workload. Then it recovered a state that the program
/// itself had made.
class Recovery {
 public:
  /// `directory`: where states are mounted, and where trees of kills are put, so that both have the
  /// same paths.
  Recovery(Command command, std::string directory, const History& history, Tick tick);

  /// Throws Failure where the recovery fails on the files that the program left, or prints
  /// something else each time.
  void check_uncrashed();
  /// Judges the mounted state, which the recovery may change.
  std::optional<Finding> judge(Window window, bool ended);

 private:
  const std::string& at(Position position);
  bool is_known(const std::string& output, Position until);
  Outcome recover();

  Command command_;
  std::string directory_;
  const History& history_;
  Tick tick_;
  std::map<Position, std::string> outputs_;
};

}  // namespace crashlab
