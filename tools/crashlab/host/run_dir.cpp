// SPDX-License-Identifier: BSL-1.0
// Makes directories of runs, and removes those that a killed run left.
#include "host/run_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <vector>

#include "disk/loop_device.hpp"

namespace crashlab {
namespace {

constexpr double detach_max_s = 5;
const std::string prefix = "run-";

/// Mount points at or beneath `root`, the deepest last mounted first.
std::vector<std::string> mounts_beneath(const std::string& root) {
  std::vector<std::string> found;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string word;
    for (int field = 0; field < 5; ++field) words >> word;
    if (word.rfind(root + "/", 0) == 0) found.insert(found.begin(), word);
  }
  return found;
}

void clean_path(const std::string& path, const std::string& tag) {
  for (const std::string& mount : mounts_beneath(path)) ::umount2(mount.c_str(), MNT_DETACH);
  // A device is detached only when its last mount is gone, and a dying namespace takes time to
  // unmount.
  const auto start = Clock::now();
  while (detach_loop_devices(tag) > 0 && seconds_since(start) < detach_max_s) ::usleep(20000);
  std::error_code error;
  const std::filesystem::path root(path);
  // Removes one level of known kinds, and never goes into a directory that could be a mount that
  // stayed.
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    ::unlink(entry.path().c_str());
    ::rmdir(entry.path().c_str());
  }
  ::rmdir(path.c_str());
}

UniqueFd try_lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

void clean_dead_runs(const std::string& state_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) != 0) continue;
    const UniqueFd lock = try_lock(entry.path().string() + "/lock");
    if (lock) clean_path(entry.path().string(), name);
  }
}

}  // namespace

std::string default_state_dir() {
  if (const char* named = std::getenv("CRASHLAB_STATE_DIR")) return named;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (::access("/run", W_OK) != 0 && runtime != nullptr) return std::string(runtime) + "/crashlab";
  return "/run/crashlab";
}

void make_private_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail_errno("make " + path);
  struct stat status {};
  must(::lstat(path.c_str(), &status), "look at " + path);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 0077U) != 0) {
    throw Failure(path +
                  ": it must be a directory of ours with mode 0700; remove it or choose another");
  }
}

RunDir::RunDir(const std::string& state_dir) {
  make_private_dir(state_dir);
  clean_dead_runs(state_dir);
  name_ = prefix + random_name();
  path_ = state_dir + "/" + name_;
  // It gets the name by which others find it only once it is locked.
  const std::string unlocked = state_dir + "/." + name_;
  must(::mkdir(unlocked.c_str(), 0700), "make " + unlocked);
  write_file(unlocked + "/lock", "");
  lock_ = try_lock(unlocked + "/lock");
  if (!lock_) fail_errno("lock " + unlocked);
  must(::rename(unlocked.c_str(), path_.c_str()), "rename " + unlocked);
}

void RunDir::clean() const {
  clean_path(path_, name_);
}

void abort_connection(unsigned connection) {
  // In a child with mounts of its own: fusectl may not be mounted here, and the write could block.
  const pid_t pid = ::fork();
  if (pid == 0) {
    const std::string root = "/sys/fs/fuse/connections";
    const std::string path = root + "/" + std::to_string(connection) + "/abort";
    if (::access(path.c_str(), W_OK) != 0 && ::unshare(CLONE_NEWNS) == 0 &&
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
      ::mount("fusectl", root.c_str(), "fusectl", 0, nullptr);
    }
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ::_exit(fd >= 0 && ::write(fd, "1", 1) == 1 ? 0 : 1);
  }
  for (int i = 0; pid > 0 && i < 200 && ::waitpid(pid, nullptr, WNOHANG) == 0; ++i) ::usleep(10000);
}

}  // namespace crashlab
