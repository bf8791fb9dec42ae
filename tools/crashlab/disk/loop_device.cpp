// SPDX-License-Identifier: BSL-1.0
// Attaches and detaches loop devices.
#include "disk/loop_device.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

constexpr int attempts_max = 64;
constexpr unsigned loop_major = 7;

void set_tag(loop_info64& info, const std::string& tag) {
  auto* name = reinterpret_cast<char*>(info.lo_file_name);
  std::copy_n(tag.begin(), std::min(tag.size(), sizeof info.lo_file_name - 1), name);
}

/// Makes the node where neither udev nor devtmpfs does.
UniqueFd open_loop(const std::string& path, int number) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    const dev_t device = makedev(loop_major, static_cast<unsigned>(number));
    if (::mknod(path.c_str(), S_IFBLK | 0600U, device) == 0) {
      fd.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    }
  }
  return fd;
}

}  // namespace

LoopDevice::LoopDevice(const std::string& backing_path, const std::string& tag, Through through) {
  const UniqueFd control(must(::open("/dev/loop-control", O_RDWR | O_CLOEXEC),
                              "open /dev/loop-control (loop devices are needed)"));
  const UniqueFd backing(
      must(::open(backing_path.c_str(), O_RDWR | O_CLOEXEC), "open " + backing_path));
  loop_config config{};
  config.fd = static_cast<__u32>(backing.get());
  config.block_size = 512;
  if (through == Through::nothing) config.info.lo_flags = LO_FLAGS_DIRECT_IO;
  set_tag(config.info, tag);
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const int number = must(::ioctl(control.get(), LOOP_CTL_GET_FREE), "ask for a loop device");
    const std::string path = "/dev/loop" + std::to_string(number);
    const UniqueFd fd = open_loop(path, number);
    if (!fd) fail_errno("open " + path);
    if (::ioctl(fd.get(), LOOP_CONFIGURE, &config) == 0) {
      path_ = path;
      return;
    }
    if (errno != EBUSY) fail_errno("attach " + path);  // EBUSY: someone else was faster
  }
  throw Failure("no loop device stays free for long enough");
}

LoopDevice::~LoopDevice() {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) ::ioctl(fd.get(), LOOP_CLR_FD, 0);
}

int detach_loop_devices(const std::string& tag) {
  int found = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("loop", 0) != 0 || !std::filesystem::exists(entry.path() / "loop", error))
      continue;
    const UniqueFd fd(::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    loop_info64 info{};
    if (!fd || ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) != 0) continue;
    loop_info64 wanted{};
    set_tag(wanted, tag);
    if (std::memcmp(info.lo_file_name, wanted.lo_file_name, sizeof info.lo_file_name) != 0)
      continue;
    ::ioctl(fd.get(), LOOP_CLR_FD, 0);
    ++found;
  }
  return found;
}

}  // namespace crashlab
