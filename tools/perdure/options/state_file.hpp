// SPDX-License-Identifier: BSL-1.0
// A tracked state as a file, whatever program it belongs to: read without a schema and without a
// trace.
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

/// Not in types of C++, which would spell its numbers otherwise.
using StateJson = Json<JsonText>;
using StateEnvelope = Envelope<RawBytes>;

/// The limits of a state that a command reads or writes. A file may be anybody's, and what reading
/// it takes is a multiple of its size: the limit is one of memory, and a state is refused by its
/// size, before that memory is taken.
struct StateLimits {
  std::uint64_t memory_max = std::uint64_t{2} << 30U;  ///< Bytes, of all that one command takes.

  /// How many bytes of memory a command takes for each byte of a state, at most: the file, the
  /// parser's copy with an index of four bytes for each character, the names in an object, and the
  /// state before and after a change. tests/programs/memory_test.cpp measures the worst texts.
  static constexpr std::uint64_t json_factor = 16;
  static constexpr std::uint64_t envelope_factor = 4;

  /// Of a state in JSON. More levels than any program's own limits are likely to allow.
  [[nodiscard]] JsonLimits json() const;
  /// Of any state, in an envelope or not.
  [[nodiscard]] std::uint64_t size_max() const noexcept { return memory_max / envelope_factor; }
};

/// Adds --memory-max.
void add_limits(CLI::App& command, StateLimits& limits);

struct StateFile {
  Stamp stamp;
  bool stamped = false;
  bool enveloped = false;   ///< Bytes of a program's own: `value` is null.
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

/// A store to look with: it takes a file system that can't sync a directory as it is.
Result<std::unique_ptr<StateStore>> open_to_look(const std::string& path, const StateLimits& limits,
                                                 System system);

/// Prints `head`, and JSON for people with nothing in it that a terminal would obey: `indent`
/// spaces for each level; 0: all on one line. In blocks: many short values on a deep level make it
/// long.
[[nodiscard]] ExitStatus show(std::string_view head, const JsonText& value, unsigned indent);

/// In words how old the file is, when a root above it has a newer content that is not in place.
/// Empty if there is none, or if nobody can tell.
[[nodiscard]] std::string age_of(const std::string& path, System system);

/// In words, when a newer generation lies beside the state: an older copy was put in its place.
/// Empty if there is none, or if what lies beside it can't be listed.
[[nodiscard]] std::string loss_of(const StateFile& file, const std::string& path,
                                  const StateLimits& limits, System system);

/// "generation 12, 2026-01-31T12:00:00.000000000Z, 345 bytes"; or that it has no stamp.
[[nodiscard]] std::string summary(const StateFile& file);
/// The same as members of an object.
[[nodiscard]] boost::json::object summary_object(const StateFile& file);

}  // namespace perdure::cli
