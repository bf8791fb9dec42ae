// SPDX-License-Identifier: BSL-1.0
// The file of a tracked state of any program, read without a schema and without a change to any
// file.
#pragma once

#include <cstdint>
#include <string>

#include <CLI/App.hpp>
#include <boost/json/object.hpp>

#include <perdure/envelope.hpp>
#include <perdure/json.hpp>
#include <perdure/stamp.hpp>
#include <perdure/state_store.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

/// The state as JSON text: types of C++ would spell its numbers in another way.
using StateJson = Json<JsonText>;
using StateEnvelope = Envelope<RawBytes>;

/// The limits of a state that a command reads or writes. The file may be anybody's, and to read it
/// takes a multiple of its size in memory. So the limit is one of memory, and a state is refused by
/// its size, before that memory is taken.
struct StateLimits {
  std::uint64_t memory_max = std::uint64_t{2} << 30U;  ///< Bytes, of all that one command takes.

  /// How many bytes of memory a command takes for each byte of a state, at most. These are the
  /// file, the parser's copy with an index of four bytes for each character, and the names in an
  /// object. The state before and after a change counts, too. tests/programs/memory_test.cpp
  /// measures the worst texts.
  static constexpr std::uint64_t json_factor = 16;
  static constexpr std::uint64_t envelope_factor = 4;

  /// The limits of a state in JSON, with more levels than the limits of most programs allow.
  [[nodiscard]] JsonLimits json() const;
  /// Of any state, in an envelope or not.
  [[nodiscard]] std::uint64_t size_max() const noexcept { return memory_max / envelope_factor; }
};

/// Adds --memory-max.
void add_limits(CLI::App& command, StateLimits& limits);

struct StateFile {
  Stamp stamp;
  bool stamped = false;
  bool enveloped = false;   ///< The state is a program's own bytes: `value` is null.
  unsigned indent = 2;      ///< Spaces for each level; 0: all on one line.
  std::uint64_t bytes = 0;  ///< Size of the file.
  JsonText value;           ///< The state without its stamp.
};

/// Reads bytes of a state. ErrorKind::corrupt for a damaged or hand-edited one; with `edited`, a
/// stamp that does not fit is not an error. ErrorKind::unsupported beyond the limits.
Result<StateFile> parse_state(Bytes bytes, const std::string& path, const StateLimits& limits,
                              bool edited = false);
/// Reads a file; neither locks nor writes nor syncs anything.
Result<StateFile> read_state(const std::string& path, const StateLimits& limits, System system,
                             bool edited = false);

/// A store that only looks: it also works on a file system that can't sync a directory.
Result<std::unique_ptr<StateStore>> open_to_look(const std::string& path, const StateLimits& limits,
                                                 System system);

/// Prints `head`, and JSON for people without characters that control a terminal: `indent` spaces
/// for each level; 0: all on one line. It prints in blocks, since many short values on a deep level
/// make the text long.
[[nodiscard]] ExitStatus show(std::string_view head, const JsonText& value, unsigned indent);

/// Words that the file is old, when a root above it has a newer content that is not in place. Empty
/// if there is none, or if nobody can tell.
[[nodiscard]] std::string age_of(const std::string& path, System system);

/// Words that an older copy was put in the state's place, when a newer generation lies beside it.
/// Empty if there is none, or if the directory can't be listed.
[[nodiscard]] std::string loss_of(const StateFile& file, const std::string& path,
                                  const StateLimits& limits, System system);

/// "generation 12, 2026-01-31T12:00:00.000000000Z, 345 bytes"; or that it has no stamp.
[[nodiscard]] std::string summary(const StateFile& file);
/// The same as members of an object.
[[nodiscard]] boost::json::object summary_object(const StateFile& file);

}  // namespace perdure::cli
