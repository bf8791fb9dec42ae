// SPDX-License-Identifier: BSL-1.0
// Tells which facts a commit into a directory would rely on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// One thing that a directory's file system can or can't do, found out by trying.
struct Capability {
  std::string name;        ///< "directory sync", "hard links", ...
  bool supported = false;  ///< Whether the try succeeded.
  std::string reason;      ///< The system's words where it is not supported.
};

/// The facts that a Root would rely on, with the defaults of RootOptions (docs/log.md).
struct LogProbe {
  /// How files get their names: `fast` behind their content, `whole` in no order. Empty where no
  /// log can be kept.
  std::optional<Protocol> protocol;
  std::string reason;  ///< Why in that order, or why no log.
  /// Flushes of the device for each commit, where they were counted; empty elsewhere. The commits
  /// of several threads share them.
  std::optional<unsigned> flushes;
  /// After so many bytes of records the log is settled, which costs flushes once more.
  std::uint64_t segment_size = 0;
  std::uint64_t size = 0;  ///< Bytes that the log takes, always.
  /// How long a record of 4 KiB takes past the page cache (LogWrites::direct), by the time that it
  /// takes through it: medians of some writes in turns, made just now. Below 1 it is faster. Empty
  /// where there are no such writes.
  std::optional<double> direct_write_time;
};

/// The facts that a commit into a directory would rely on.
struct ProbeReport {
  FileSystemInfo file_system;              ///< As FileSystem::describe says.
  std::vector<Capability> capabilities;    ///< All that were tried.
  Protocol protocol = Protocol::portable;  ///< The choice of ProtocolChoice::automatic here.
  std::string reason;                      ///< Why that one.
  /// Its choice for a batch of some files, and for a transaction.
  Protocol protocol_of_many = Protocol::portable;
  /// Calls that can't be used here, and promises that don't hold here, each with its reason, for
  /// people. Empty where there are none.
  std::vector<std::string> limits;
  LogProbe log;  ///< For a Root there.
};

/// Tries out `directory` with temps of its own, which are gone afterwards.
PERDURE_API Result<ProbeReport> probe(const Path& directory, System system = native_system());

}  // namespace perdure
