// SPDX-License-Identifier: BSL-1.0
// The requests to a disk and its answers while a workload ran.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "disk/fault.hpp"
#include "disk/pages.hpp"

namespace crashlab {

/// Moments are counted, not measured: each request received, each answer sent and each
/// acknowledgement taken is one step later than the last. An answer that the workload had before
/// moment t was sent before t.
using Moment = std::uint64_t;
inline constexpr Moment never = std::numeric_limits<Moment>::max();

/// A write, discard or zeroing of a range.
struct Write {
  enum class Kind : std::uint8_t { data, zeros };

  Kind kind = Kind::data;
  Moment received = 0;
  Moment answered = never;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t data_at = 0;  ///< where its bytes begin in Recording::data; zeros have none
  bool failed = false;        ///< answered by an error: it may be there, and is not promised
};

struct Flush {
  Moment received = 0;
  Moment answered = never;
};

/// A fault struck a request.
struct Strike {
  Moment at = 0;
  Fault::Kind kind = Fault::Kind::write_error;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< 0: a flush
};

/// The workload acknowledged: something must survive from here on.
struct Ack {
  Moment at = 0;
  std::string text;  ///< one line, without its end
};

/// The base is the disk when recording began, with nothing under way; pages not in it are zero.
struct Recording {
  std::uint64_t size = 0;  ///< of the disk, bytes
  std::map<std::uint32_t, std::vector<std::byte>> base;
  std::vector<Write> writes;    ///< in the order received
  std::vector<Flush> flushes;   ///< in the order received
  std::vector<Ack> acks;        ///< oldest first
  std::vector<Strike> strikes;  ///< oldest first; of many the first ones
  std::vector<std::byte> data;
  Moment end = 0;

  std::span<const std::byte> bytes_of(const Write& write) const {
    return std::span(data).subspan(write.data_at, write.length);
  }

  /// Compressed (zstd), little-endian, with a checksum: fit to be kept and to be read back later.
  void save(int fd) const;
  /// Throws Failure when the content is not an intact recording.
  static Recording load(int fd);

  /// The same without the events at or after `moment`: a violation at that moment needs no more.
  Recording until(Moment moment) const;
};

}  // namespace crashlab
