// SPDX-License-Identifier: BSL-1.0
// A tracked state as a file, whatever program it belongs to: read without a schema and without a
// trace.
#pragma once

#include <cstdint>
#include <string>

#include <boost/json/value.hpp>

#include <perdure/envelope.hpp>
#include <perdure/json.hpp>
#include <perdure/stamp.hpp>

namespace perdure::cli {

using StateJson = Json<boost::json::object>;
using StateEnvelope = Envelope<RawBytes>;

/// More than any program's own limits are likely to be.
inline constexpr JsonLimits state_limits{.size_max = std::size_t{1} << 32U, .depth_max = 256};

struct StateFile {
  Stamp stamp;
  bool stamped = false;
  bool enveloped = false;    ///< Bytes of a program's own: `value` is empty.
  bool compact = false;      ///< All on one line.
  std::uint64_t bytes = 0;   ///< Size of the file.
  boost::json::value value;  ///< The state without its stamp.
};

/// Reads bytes of a state. ErrorKind::corrupt for a damaged or hand-edited one; with `edited`, a
/// stamp that does not fit is not an error.
Result<StateFile> parse_state(Bytes bytes, const std::string& path, bool edited = false);
/// Reads a file; neither locks nor writes nor syncs anything.
Result<StateFile> read_state(const std::string& path, bool edited = false);

/// JSON for people: indented, and with nothing in it that a terminal would obey.
Result<std::string> pretty(const boost::json::value& value);
/// The same on one line.
Result<std::string> compact(const boost::json::value& value);

/// In words, when a newer generation lies beside the state: an older copy was put in its place.
/// Empty if there is none, or if what lies beside it can't be listed.
[[nodiscard]] std::string loss_of(const StateFile& file, const std::string& path);

/// "generation 12, 2026-01-31T12:00:00.000000000Z, 345 bytes"; or that it has no stamp.
[[nodiscard]] std::string summary(const StateFile& file);
/// The same as members of an object.
[[nodiscard]] boost::json::object summary_object(const StateFile& file);

}  // namespace perdure::cli
