// SPDX-License-Identifier: BSL-1.0
// Lays a kept violation on a disk, and mounts it.
#include "commands/mount.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <sys/wait.h>

#include "disk/device.hpp"
#include "disk/loop_device.hpp"
#include "host/mounted_disk.hpp"
#include "judging/violation.hpp"
#include "states/state_image.hpp"

namespace crashlab {
namespace {

/// With the caller's terminal, unlike run().
int run_here(const std::vector<std::string>& words, const std::string& mount_point) {
  Command command;
  command.arguments = words;
  command.environment["CRASHLAB_MOUNT"] = mount_point;
  const std::vector<std::string> environment = environment_of(command);
  const pid_t pid = must(::fork(), "fork");
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE}) ::signal(number, SIG_DFL);
    ::execvpe(words[0].c_str(), pointers(words).data(), pointers(environment).data());
    std::perror(words[0].c_str());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    if (Guarded::stopping()) ::kill(pid, SIGTERM);
  }
  return exit_code_of(status);
}

}  // namespace

int mount_command(const KeptOptions& options, const Guarded& guarded) {
  const RunDir& run_dir = guarded.run_dir();
  const KeptViolation kept = load_violation(options.keep, options.id);
  DeviceOptions served;
  served.directory = run_dir.file("disk");
  served.file_name = run_dir.name();
  served.replaying = true;
  served.faults = kept.options.disk_faults();
  served.fault_seed = kept.options.seed;
  must(::mkdir(served.directory.c_str(), 0700), "make " + served.directory);
  Pages pages(kept.recording.size, Pages::Sharing::shared);
  for (const auto& [page, bytes] : kept.recording.base) pages.write(page * page_size, bytes);
  StateImage image(kept.recording, pages, kept.options.sector_size);
  image.rewind();
  for (const CrashPoint& point : crash_points(kept.recording, kept.options.ignore_flushes)) {
    image.advance(point);
  }
  image.apply(kept.point, kept.violation.choice);

  const Device device(pages, served);
  guarded.name_connection(device.path());
  const LoopDevice loop(device.path(), run_dir.name());
  std::string at = options.at;
  if (at.empty()) {
    at = run_dir.file("mnt");
    must(::mkdir(at.c_str(), 0700), "make " + at);
  }
  FileSystem file_system(fs_kind(kept.options.fs), layer_named(kept.options.layer), loop.path(), at,
                         kept.options.mount_options);
  Outcome mounted = file_system.repair(guarded.tick());
  if (mounted.good()) mounted = file_system.mount();
  if (!mounted.good()) throw Failure("this state can't be mounted: " + mounted.output);
  if (!options.command.empty()) return run_here(options.command, at + "/work");

  std::printf("%s\n", at.c_str());
  std::fflush(stdout);
  const Tick tick = guarded.tick();
  while (!Guarded::stopping()) {
    tick();
    ::usleep(100000);
  }
  return 0;
}

}  // namespace crashlab
