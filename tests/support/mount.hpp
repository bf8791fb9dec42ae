// SPDX-License-Identifier: BSL-1.0
// Mounts for tests. They live in a mount namespace of this process, so that nobody else sees them
// and the kernel takes them (and their loop devices) away when the process ends, however it ends.
#pragma once

#include <array>
#include <functional>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <utility>

#include <boost/filesystem.hpp>

#include "process.hpp"

namespace perdure::test {

/// Whether this process may mount; enters a namespace of its own at the first call.
inline bool can_mount() {
  static const bool entered =
      ::unshare(CLONE_NEWNS) == 0 &&
      ::mount("none", "/", "none", static_cast<unsigned long>(MS_REC | MS_PRIVATE), nullptr) == 0;
  return entered;
}

/// Runs `work` as root of a user name space of its own, who may mount there; returns what it says.
inline std::string in_user_namespace(const std::function<std::string()>& work) {
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  Child child([&]() -> std::string {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return "no user name space";
    const std::array<std::pair<const char*, std::string>, 3> maps{
        {{"/proc/self/setgroups", "deny"},
         {"/proc/self/uid_map", "0 " + user + " 1"},
         {"/proc/self/gid_map", "0 " + group + " 1"}}};
    for (const auto& [path, text] : maps) {
      const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
      const bool written = ::write(fd, text.data(), text.size()) > 0;
      ::close(fd);
      if (!written) return "no maps of users";
    }
    return work();
  });
  return child.said();
}

/// Something mounted; unmounted when it is dropped, even while it is busy.
class Mount {
 public:
  /// `arguments` are those of mount(8), the mount point last. Check `error` for why it failed.
  explicit Mount(std::vector<std::string> arguments) : at_(arguments.back()) {
    arguments.insert(arguments.begin(), "mount");
    const auto ran = run(arguments);
    if (ran.status != 0) error_ = "mount: " + ran.said();
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount() {
    if (error_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }

  /// Empty when it is mounted.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  std::string at_;
  std::string error_;
};

}  // namespace perdure::test
