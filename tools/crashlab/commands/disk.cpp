// SPDX-License-Identifier: BSL-1.0
// Serves a slow disk, and probes whether the laboratory can run here.
#include "commands/disk.hpp"

#include <cstdio>
#include <sys/stat.h>

#include "disk/device.hpp"
#include "disk/loop_device.hpp"

namespace crashlab {

namespace {

/// A disk and its loop device.
class Disk {
 public:
  Disk(const DiskOptions& options, const Guarded& guarded)
      : pages_(options.size, Pages::Sharing::shared),
        device_(pages_, served(options, guarded.run_dir())),
        loop_((guarded.name_connection(device_.path()), device_.path()), guarded.run_dir().name()) {
  }

  const Device& device() const { return device_; }
  const std::string& path() const { return loop_.path(); }

 private:
  static DeviceOptions served(const DiskOptions& options, const RunDir& run_dir) {
    DeviceOptions served;
    served.directory = run_dir.file("disk");
    served.file_name = run_dir.name();
    served.write_latency_us = options.write_latency_us;
    served.flush_latency_us = options.flush_latency_us;
    served.always_slow = true;
    must(::mkdir(served.directory.c_str(), 0700), "make " + served.directory);
    return served;
  }

  Pages pages_;
  Device device_;
  LoopDevice loop_;
};

}  // namespace

int disk_command(const DiskOptions& options, const Guarded& guarded) {
  const Disk disk(options, guarded);
  std::printf("%s\n", disk.path().c_str());
  std::fflush(stdout);
  const Tick tick = guarded.tick();
  while (!Guarded::stopping()) {
    tick();
    ::usleep(100000);
    disk.device().must_live();
  }
  return 0;
}

int probe_command(const Guarded& guarded) {
  DiskOptions options;
  options.size = 1 << 20;
  const Disk disk(options, guarded);
  std::printf("crashlab can run here\n");
  return 0;
}

}  // namespace crashlab
