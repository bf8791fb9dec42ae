// SPDX-License-Identifier: BSL-1.0
// The stamp of a state: generation, time, schema version, lineage.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>

namespace perdure {

/// A moment in UTC, to the nanosecond.
using StampTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// A member of an object that the program's type does not have, as the file spells it.
struct UnknownMember {
  std::string key;    ///< Between the quotes, escapes and all.
  std::string value;  ///< JSON text.
  friend bool operator==(const UnknownMember&, const UnknownMember&) = default;
};

/// Unknown members, under the JSON Pointer of the object that they are in ("" is the top level).
using UnknownMembers = std::map<std::string, std::vector<UnknownMember>, std::less<>>;

/// The history of commits in which a generation number counts. The lineage stays the same from save
/// to save. A save after a loss begins a new one, and says from which generation of which history
/// it goes on. So a tracker can tell whether a state descends from the one that it knows.
struct Lineage {
  std::uint64_t id = 0;               ///< Random; 0: the file does not say.
  std::uint64_t from = 0;             ///< The history that this one goes on from; 0: none.
  std::uint64_t from_generation = 0;  ///< The generation of that history.
  friend bool operator==(const Lineage&, const Lineage&) = default;
};

/// The fields that a file keeps next to a state.
struct Stamp {
  std::uint64_t generation = 0;      ///< The count of commits that the state has seen.
  StampTime last_updated{};          ///< When this generation was made.
  std::uint32_t schema_version = 0;  ///< 0: the program does not count versions.
  UnknownMembers unknown;            ///< Kept for a newer program; see docs/format-state.md.
  Lineage lineage;                   ///< Zeros where the serializer keeps none.
};

/// A state and the stamp that stood beside it.
template <class T>
struct Stamped {
  T value{};    ///< The state.
  Stamp stamp;  ///< See `stamped`.
  /// False for bytes without generation and checksum: written by hand, or by a program that does
  /// not write stamps. `stamp` then has the schema version and the unknown members at most.
  bool stamped = false;
};

/// Names that the stamp takes in an object; a state that is an object can't have them.
inline constexpr std::array<std::string_view, 5> stamp_names{
    "generation", "last_updated", "checksum", "schema_version", "lineage"};

/// A serializer that writes a stamp beside the value and notices, on reading, every change of a
/// stamped file.
///
/// `deserialize_stamped` fails with ErrorKind::corrupt when the bytes fail their own check. It
/// fails with ErrorKind::too_new when they are of a newer format, and with ErrorKind::serializer
/// when they are intact, but not a `T`. These are different faults: the last one is never damage.
///
/// A serializer that keeps `Stamp::lineage` too says so by `static constexpr bool keeps_lineage =
/// true`. Without lineages, trackers tell histories apart by their numbers alone.
template <class S, class T>
concept StampedSerializer = Serializer<S, T> &&
    requires(const S& serializer, const T& value, const Stamp& stamp, Sink& sink, Bytes bytes) {
  { serializer.serialize_stamped(value, stamp, sink) } -> std::same_as<Result<void>>;
  { serializer.deserialize_stamped(bytes) } -> std::same_as<Result<Stamped<T>>>;
};

}  // namespace perdure
