// SPDX-License-Identifier: BSL-1.0
// How the disk is served.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "disk/fault.hpp"

namespace crashlab {

/// Behind the disk's name: the same disk, read and written by way of the kernel's page cache.
inline constexpr const char* cached_suffix = ".cached";

struct DeviceOptions {
  std::string directory;               ///< where to mount the FUSE file system; an empty directory
  std::string file_name;               ///< the disk's name in it
  std::string ack_socket;              ///< where acknowledgements are taken; none when empty
  std::uint32_t write_latency_us = 0;  ///< from a write's receipt to its answer
  std::uint32_t flush_latency_us = 0;
  bool always_slow = false;  ///< latencies hold outside of recordings as well
  std::vector<Fault> faults;
  std::uint64_t fault_seed = 1;  ///< of the bits that rot, and of wrong places
  /// the pages' marks show changed pages, not all that were ever written
  bool replaying = false;
};

}  // namespace crashlab
