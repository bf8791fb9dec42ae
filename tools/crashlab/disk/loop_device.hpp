// SPDX-License-Identifier: BSL-1.0
// The loop device above the FUSE file.
#pragma once

#include <cstdint>
#include <string>

namespace crashlab {

/// Attached from construction to destruction; stays attached between mounts.
///
/// Each crash state has to be read anew, and the kernel drops a block device's cache only when its
/// last user is gone. So no descriptor of it is kept.
class LoopDevice {
 public:
  enum class Through { nothing, page_cache };

  /// `tag` (at most 63 bytes) is how a later run recognizes a device that a killed one left.
  /// Without a file system above, writes are direct and asynchronous, so that several can be under
  /// way.
  LoopDevice(const std::string& backing_path, const std::string& tag,
             Through through = Through::nothing);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Detaches every loop device with this tag; one that is in use detaches later, when it is free.
/// Returns how many were found.
int detach_loop_devices(const std::string& tag);

}  // namespace crashlab
