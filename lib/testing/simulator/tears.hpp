// SPDX-License-Identifier: BSL-1.0
// How content that was not synced can be found after a power cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "testing/simulator/disk.hpp"

namespace perdure::testing {

/// How the unsynced content of one file was found.
///
/// Below `cut` it is new; from there on as `rest` says. With `blocks`, each block of 4096 has a
/// letter of its own instead: n(ew), d(urable), z(eros), g(arbage), u(nreadable), m(ixed: its first
/// half is new).
struct Tear {
  InodeId inode = no_inode;
  std::uint64_t size = 0;
  std::uint64_t cut = 0;
  char rest = 'z';
  std::string blocks;

  friend bool operator==(const Tear&, const Tear&) = default;
};

/// Above these the enumeration is no longer complete, and samples are drawn from the seed.
struct Bounds {
  std::size_t pending_max = 20;  ///< All down-closed sets up to so many pending changes,
  std::size_t sets_max = 4096;   ///< and up to so many sets.
  std::size_t tears_max = 40;    ///< Ways to tear one file.
  std::size_t pairs_max = 200;   ///< Ways to tear all files of one set together.
  std::size_t samples = 64;      ///< Sets drawn above the bounds, beyond the systematic ones.
  std::uint64_t seed = 1;
};

struct Torn {
  Tear tear;
  std::shared_ptr<Blob> blob;
  std::int64_t mtime_ns = 0;  ///< Of the last write to it.
};

/// Whether a file with this tear has the time of its last write. A journal keeps the time in its
/// order, even if the content is torn. Elsewhere the time comes only with intact content.
[[nodiscard]] inline bool keeps_time(const Preset& preset, bool intact) {
  return preset.ordered || intact;
}

/// A part of a file that was written, in bytes.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The ways in which a file with this durable and this new content can be found, the intact one
/// first, no two alike. Writes into complete blocks of the durable file tear only these blocks.
std::vector<Torn> all_tears(const Preset& preset, InodeId inode, const Buffer& durable,
                            const Buffer& fresh, const std::vector<Extent>& written,
                            const Bounds& bounds);

/// The content that this tear makes.
std::shared_ptr<Blob> torn_content(const Tear& tear, const Buffer& durable, const Buffer& fresh);

}  // namespace perdure::testing
