// SPDX-License-Identifier: BSL-1.0
// Scripts as the setup and the workload of a run.
#pragma once

#include <string>
#include <vector>

namespace crashlab::calls {

/// A directory with the small tree for each script.
void prepare_trees(const std::string& mount, std::size_t count);

/// Runs the scripts of these names, each in its tree; before each, everything else is made durable.
/// Acknowledges "NUMBER NOTES" at each note, and "NUMBER refused: REASON" where a call failed.
void play(const std::string& mount, const std::string& ack_socket,
          const std::vector<std::string>& names);

/// The directory of a script.
std::string tree_of(const std::string& mount, std::size_t number);

}  // namespace crashlab::calls
