// SPDX-License-Identifier: BSL-1.0
#include "disk_command.hpp"

#include <cstdio>
#include <sys/stat.h>
#include <sys/wait.h>

#include "device.hpp"
#include "loop_device.hpp"

namespace crashlab {

int disk_command(const DiskOptions& options, const Guarded& guarded) {
  const RunDir& run_dir = guarded.run_dir();
  DeviceOptions served;
  served.directory = run_dir.file("disk");
  served.file_name = run_dir.name();
  served.write_latency_us = options.write_latency_us;
  served.flush_latency_us = options.flush_latency_us;
  served.always_slow = true;
  must(::mkdir(served.directory.c_str(), 0700), "make " + served.directory);
  Pages pages(options.size, Pages::Sharing::shared);
  const Device device(pages, served);
  guarded.name_connection(device.path());
  const LoopDevice loop(device.path(), run_dir.name());
  std::printf("%s\n", loop.path().c_str());
  std::fflush(stdout);
  const Tick tick = guarded.tick();
  while (!Guarded::stopping()) {
    tick();
    ::usleep(100000);
    if (::waitpid(device.pid(), nullptr, WNOHANG) == device.pid()) {
      throw Failure("the process that serves the disk ended");
    }
  }
  return 0;
}

}  // namespace crashlab
