// SPDX-License-Identifier: BSL-1.0
#include "native_describe.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mount_info.hpp"

namespace perdure {
namespace {

/// A file of the kernel's, whole; empty when it is not there or can't be read.
std::string read_kernel_file(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 8192> block;  // NOLINT: filled by the call
  ssize_t got = 0;
  do {
    got = ::read(fd, block.data(), block.size());
    if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
  } while (got > 0 || (got < 0 && errno == EINTR));
  ::close(fd);
  return got == 0 ? text : std::string();
}

/// The kernel's name of a device ("vda1", "dm-0"), under which /proc/fs knows its file systems.
std::string device_name(unsigned device_major, unsigned device_minor) {
  const std::string link =
      "/sys/dev/block/" + std::to_string(device_major) + ":" + std::to_string(device_minor);
  std::array<char, 4096> target;  // NOLINT: filled by the call
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  const std::string path(target.data(), static_cast<std::size_t>(size));
  return path.substr(path.rfind('/') + 1);
}

/// jbd2 lists each journal in use: as "DEVICE-INODE" when it is a file of the file system on
/// DEVICE, as "DEVICE" when it has one to itself (jbd2_journal_init_inode and _init_dev in the
/// kernel's fs/jbd2/journal.c).
JournalPlace find_journal(const std::string& device) {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir("/proc/fs/jbd2"), &::closedir);
  if (!list) return JournalPlace::unknown;
  while (const dirent* const entry = ::readdir(list.get())) {  // NOLINT: the stream is ours alone
    const std::string_view name = static_cast<const char*>(entry->d_name);
    const auto dash = name.rfind('-');
    if (dash == std::string_view::npos || name.substr(0, dash) != device) continue;
    const auto inode = name.substr(dash + 1);
    if (!inode.empty() && inode.find_first_not_of("0123456789") == std::string_view::npos) {
      return JournalPlace::internal;
    }
  }
  return JournalPlace::unknown;  // none, or one on another device, and no telling whose that is
}

/// Whether the feature is set in the superblock on `device`; nothing where this user may not read
/// that. Layout: Documentation/filesystems/ext4/super.rst of the kernel.
std::optional<bool> superblock_fast_commit(const std::string& device, dev_t number) {
  constexpr off_t magic_offset = 1024 + 0x38;
  constexpr std::size_t features_behind = 0x5C - 0x38;
  constexpr std::uint32_t fast_commit_bit = 0x400;
  const int fd = ::open(("/dev/" + device).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  std::array<unsigned char, features_behind + 4> bytes{};
  const bool read =
      ::fstat(fd, &status) == 0 && S_ISBLK(status.st_mode) && status.st_rdev == number &&
      ::pread(fd, bytes.data(), bytes.size(), magic_offset) == static_cast<ssize_t>(bytes.size());
  ::close(fd);
  if (!read || bytes[0] != 0x53 || bytes[1] != 0xEF) return std::nullopt;
  std::uint32_t features = 0;
  for (std::size_t i = 4; i-- > 0;) features = features << 8U | bytes[features_behind + i];
  return (features & fast_commit_bit) != 0;
}

/// The superblock tells for sure, those who may read it. Else kernels with CONFIG_EXT4_DEBUG list
/// the feature, as "fc_debug_force" (the table of options in fs/ext4/super.c), and others list
/// nothing; `simulate_fail` is there with that configuration alone (fs/ext4/sysfs.c).
std::optional<bool> makes_fast_commits(const std::vector<std::string>& options,
                                       const std::string& device, dev_t number) {
  if (const auto known = superblock_fast_commit(device, number)) return known;
  for (const auto& option : options) {
    if (option.starts_with("fc_debug_force") || option.starts_with("fast_commit")) return true;
  }
  const bool listed = ::access(("/sys/fs/ext4/" + device + "/simulate_fail").c_str(), F_OK) == 0;
  return listed ? std::optional(false) : std::nullopt;
}

/// Whether the kernel is of this version or a later one.
bool kernel_is_at_least(int wanted_major, int wanted_minor) {
  struct utsname name {};
  int found_major = 0;
  int found_minor = 0;
  if (::uname(&name) != 0) return false;
  const char* const end = name.release + std::size(name.release);
  const auto major_end = std::from_chars(name.release, end, found_major).ptr;
  if (*major_end != '.') return false;
  std::from_chars(major_end + 1, end, found_minor);
  return std::pair(found_major, found_minor) >= std::pair(wanted_major, wanted_minor);
}

std::optional<bool> new_files_are_realtime(int fd) {
  fsxattr attributes{};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return std::nullopt;  // NOLINT: variadic
  return (attributes.fsx_xflags & (FS_XFLAG_RTINHERIT | FS_XFLAG_REALTIME)) != 0;
}

}  // namespace

SysResult<FileSystemInfo> describe_native(int fd) {
  struct statfs numbers {};
  int done = 0;
  do done = ::fstatfs(fd, &numbers);
  while (done < 0 && errno == EINTR);
  if (done < 0) return std::error_code(errno, std::generic_category());
  FileSystemInfo info;
  static const bool sync_reports = kernel_is_at_least(5, 8);
  info.sync_reports = sync_reports;
  info.block_size = static_cast<std::uint64_t>(numbers.f_bsize);
  info.space_free = info.block_size * numbers.f_bavail;
  struct statx raw {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &raw) != 0 ||
      (raw.stx_mask & STATX_MNT_ID) == 0 ||
      !find_mount(read_kernel_file("/proc/self/mountinfo"), raw.stx_mnt_id, info)) {
    return info;
  }
  if (info.type == "ext4") {
    const std::string device = device_name(raw.stx_dev_major, raw.stx_dev_minor);
    if (device.empty()) return info;
    info.kernel_options = split_lines(read_kernel_file("/proc/fs/ext4/" + device + "/options"));
    info.journal = find_journal(device);
    info.fast_commit = makes_fast_commits(info.kernel_options, device,
                                          makedev(raw.stx_dev_major, raw.stx_dev_minor));
  } else if (info.type == "xfs") {
    info.realtime = new_files_are_realtime(fd);
    // A log on another device is a mount option; without that it lies beside the data (xfs(5)).
    info.journal = JournalPlace::internal;
    for (const auto& option : info.mount_options) {
      if (option.starts_with("logdev=")) info.journal = JournalPlace::external;
    }
  }
  return info;
}

}  // namespace perdure
