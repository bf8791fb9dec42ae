// SPDX-License-Identifier: BSL-1.0
// The faults of a disk, as the user names them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crashlab {

inline constexpr std::uint64_t fault_sector = 512;  ///< the unit of a fault's range, bytes

/// Bytes of the disk from `from` to before `to`.
struct Range {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// KIND@N, KIND@N+, KIND@each, KIND@each/STEP, KIND:FIRST-LAST,... or KIND:PATH; docs/crashlab.md
/// has the meaning.
struct Fault {
  enum class Kind : std::uint8_t { write_error, flush_error, read_error, rot, misdirect, lost };

  Kind kind = Kind::write_error;
  std::uint64_t number = 0;   ///< of the first request that it strikes, counted from 1; 0: of all
  bool onward = false;        ///< it strikes every later one as well
  bool each = false;          ///< `number` is open: a run for each,
  std::uint64_t step = 1;     ///< ... or for every so many: 1, 1 + step, ...
  std::vector<Range> ranges;  ///< only requests that touch one of these; empty: all
  std::string file;           ///< the ranges are where this file's content lies

  /// Throws Failure, with the allowed forms, for a text that is not a fault.
  static Fault parse(const std::string& text);
  /// The text as parse() takes it, with the ranges of a file where they are known.
  std::string text() const;
  /// Whether it belongs to the medium: then it is there after the power cut, too.
  bool lasting() const { return kind == Kind::read_error || kind == Kind::rot; }
};

/// "write-error" and so on.
const char* name_of(Fault::Kind kind);

/// All that the text of `--fault` can be, for help.
extern const char* const fault_help;

}  // namespace crashlab
