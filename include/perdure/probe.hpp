// SPDX-License-Identifier: BSL-1.0
// Tells what a commit into a directory would stand on.
#pragma once

#include <string>
#include <vector>

#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// One thing that a directory's file system can or can't do, found out by trying.
struct Capability {
  std::string name;  ///< "directory sync", "hard links", ...
  bool supported = false;
  std::string reason;  ///< The system's words where it is not supported.
};

/// The facts that a commit into a directory would stand on.
struct ProbeReport {
  FileSystemInfo file_system;
  std::vector<Capability> capabilities;
  Protocol protocol = Protocol::portable;  ///< The choice of ProtocolChoice::automatic here.
  std::string reason;                      ///< Why that one.
  /// Its choice for a batch of some files, and for a transaction.
  Protocol protocol_of_many = Protocol::portable;
  /// Calls that can't be used here, and promises that don't hold here, each with its reason, for
  /// people. Empty where all can and do.
  std::vector<std::string> limits;
};

/// Tries out `directory` with temps of its own, which are gone afterwards.
Result<ProbeReport> probe(const Path& directory, System system = native_system());

}  // namespace perdure
