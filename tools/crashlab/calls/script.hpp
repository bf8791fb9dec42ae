// SPDX-License-Identifier: BSL-1.0
// Short rows of file operations, written once and run twice: on a real file system and in the
// simulator. Each state that a power cut leaves of them there must be possible here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <perdure/system/file_system.hpp>

namespace crashlab::calls {

/// To be called between two operations: what a power cut leaves is compared stretch by stretch.
using Note = std::function<void()>;

struct Script {
  std::string name;
  /// Begins in a directory that prepared() describes, all of it durable. Throws where a call fails.
  std::function<void(perdure::FileSystem& files, perdure::Handle root, const Note& note)> run;
};

/// The orders of calls that protocols are made of, written by hand.
std::vector<Script> orders();

/// All that the calls can do in prepared()'s tree, one after the other (1 or 2 of them), with each
/// sync behind each. Their names say what is done: "rename file new; sync left".
std::vector<std::string> sequences(unsigned calls);

/// The script of that name: one of orders(), or calls as sequences() names them. Throws Failure for
/// what is neither.
Script script_named(const std::string& name);

}  // namespace crashlab::calls
