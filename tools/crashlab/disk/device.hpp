// SPDX-License-Identifier: BSL-1.0
// The disk: one file of a FUSE file system, served by a process that does nothing else.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "disk/device_options.hpp"
#include "disk/pages.hpp"
#include "host/posix.hpp"
#include "recording/recording.hpp"

namespace crashlab {

/// The disk's process and the wire to it.
///
/// That process never touches a mounted file system, so a kill always ends it. Its end aborts the
/// FUSE connection: every process that waits for the disk gets an error. It ends when this process
/// does. The disk's requests go to an image in memory; `direct_io` makes them arrive at once and in
/// order (linux Documentation/filesystems/fuse-io.rst). A flush arrives as FSYNC, FUA as write and
/// flush (drivers/block/loop.c has no FUA), discard and zeroing as FALLOCATE.
class Device {
 public:
  /// Forks the process. `pages` is shared and outlives this.
  Device(Pages& pages, const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  pid_t pid() const { return pid_; }
  std::string path() const { return options_.directory + "/" + options_.file_name; }

  /// The disk by way of the page cache: a page that was read once is not asked for again. For
  /// states that are explored, not for a recording. `pages` is changed only through this path
  /// (StateImage::publish).
  std::string cached_path() const { return path() + cached_suffix; }

  /// Throws Failure when the process is gone: states that were seen since then do not count.
  void must_live() const;

  /// From here on requests and acknowledgements are recorded, and faults strike. Waits until none
  /// is under way.
  void begin_recording();
  /// Says where the file of a fault lies; `index` counts DeviceOptions::faults.
  void place(std::size_t index, const std::vector<Range>& ranges);
  /// From here on every write and flush is answered with EIO, and the disk's content stays.
  void die();
  /// The power goes: ends the recording and hands it over. Faults of the medium stay. From here on
  /// every write marks its pages anew.
  Recording end_recording();

 private:
  std::string ask(std::string_view command);

  DeviceOptions options_;
  pid_t pid_ = -1;
  UniqueFd control_;
  UniqueFd recording_;
};

}  // namespace crashlab
