// SPDX-License-Identifier: BSL-1.0
// Short rows of file operations, written once and run twice: on a real file system and in the
// simulator. Each state that a power cut leaves on the real one must be possible in the simulator.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <perdure/system/file_system.hpp>

namespace crashlab::calls {

/// To be called between two operations: states after a power cut are compared stretch by stretch.
using Note = std::function<void()>;

struct Script {
  std::string name;
  /// Begins in a directory that prepared() describes, all of it durable. Throws where a call fails.
  std::function<void(perdure::FileSystem& files, perdure::Handle root, const Note& note)> run;
};

/// The orders of calls that protocols are made of, written by hand.
std::vector<Script> orders();

/// Every sequence of 1 or 2 calls in prepared()'s tree, with each sync behind each call. The names
/// say what is done: "rename file new; sync left".
std::vector<std::string> sequences(unsigned calls);

/// The script of that name: one of orders(), or calls as sequences() names them. Throws Failure for
/// any other name.
Script script_named(const std::string& name);

}  // namespace crashlab::calls
