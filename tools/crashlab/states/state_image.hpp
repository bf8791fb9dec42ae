// SPDX-License-Identifier: BSL-1.0
// Lays one crash state after the other on the disk that is being served.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "disk/pages.hpp"
#include "recording/recording.hpp"
#include "states/crash_points.hpp"

namespace crashlab {

/// 128 bits that stand for a disk's whole content.
struct ImageHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const ImageHash&) const = default;
  bool operator<(const ImageHash& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

/// Keeps a copy of the durable pages at the current point. So a state costs only the pages that it
/// touches, and not a copy of the disk. Between states the disk's file system must be unmounted.
class StateImage {
 public:
  /// `served` is the disk's content. This takes it over and clears its marks; from now on they show
  /// the pages that differ from the durable content. Both must outlive this.
  StateImage(const Recording& recording, Pages& served, std::uint32_t sector_size);

  /// Back to the base, before the first point.
  void rewind();
  /// Goes on to the next point: puts its newly durable writes on the medium.
  void advance(const CrashPoint& point);

  /// Lays the state on the disk. Equal contents have equal hashes, whatever led to them.
  ImageHash apply(const CrashPoint& point, const Choice& choice);
  /// The kernel remembers pages of Device::cached_path() that it read or wrote. So this writes
  /// there all pages that changed since the last call. `cached` is open for writing.
  void publish(int cached);

 private:
  using Touched = std::set<std::uint32_t>;

  void restore();
  void put(Pages& pages, const Write& write, std::uint64_t from, std::uint64_t length);
  void put_torn(const Write& write, const Tear& tear);
  void touch(Touched& touched, const Write& write) const;

  const Recording& recording_;
  Pages& served_;
  Pages durable_;
  std::uint32_t sector_size_;
  ImageHash durable_hash_;
  Touched changed_;  // since the last publish()
};

}  // namespace crashlab
