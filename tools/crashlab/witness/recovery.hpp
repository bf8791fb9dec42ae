// SPDX-License-Identifier: BSL-1.0
// Asks the program's own recovery what a tree holds, after a crash and at each moment before it.
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

/// The command prints what the recovered files hold. After a power cut it must print what it prints
/// after a kill between two calls of the workload: the recovery then saw a state that the program
/// itself had made.
class Recovery {
 public:
  /// `directory`: where states are mounted, and where the tree of a kill is put, so that paths are
  /// the same.
  Recovery(Command command, std::string directory, const History& history, Tick tick);

  /// Throws Failure where it fails on what the program left, or answers differently each time.
  void check_uncrashed();
  /// About the state that is mounted, which it may change.
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
