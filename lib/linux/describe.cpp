// SPDX-License-Identifier: BSL-1.0
// Asks the kernel about the file system of a directory: mount table, /proc/fs, superblocks.
#include "linux/describe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <memory>
#include <span>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/little_endian.hpp"
#include "linux/descriptor.hpp"
#include "linux/kernel_version.hpp"
#include "linux/mount_info.hpp"

namespace perdure {
namespace {

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
/// DEVICE, as "DEVICE" when it has a device to itself. (jbd2_journal_init_inode and _init_dev in
/// the kernel's fs/jbd2/journal.c.)
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

template <std::size_t size>
bool read_block_device(int fd, std::uint64_t offset, std::array<std::byte, size>& out) {
  const auto got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
  return got == static_cast<ssize_t>(out.size());
}

/// The first block of ext4's journal, from the copy of the journal's inode in the superblock. Empty
/// where there is no journal, or where it has more extents than the inode holds.
std::optional<std::uint64_t> journal_block(Bytes super) {
  constexpr std::size_t copy_type = 0xFD;
  constexpr std::size_t copy = 0x10C;
  constexpr unsigned extent_magic = 0xF30A;
  if (super[copy_type] != std::byte{1}) return std::nullopt;
  const auto word = [&](std::size_t at) {
    return from_little_endian<std::uint16_t>(super.subspan(copy + at));
  };
  const auto number = [&](std::size_t at) {
    return from_little_endian<std::uint32_t>(super.subspan(copy + at));
  };
  if (word(0) != extent_magic) return number(0);
  const bool in_inode = word(2) != 0 && word(6) == 0 && number(12) == 0;
  if (!in_inode) return std::nullopt;
  return std::uint64_t{word(18)} << 32U | number(20);
}

/// Whether a superblock on `device` has the feature: that of ext4, or that of its journal. tune2fs
/// takes the first away from a mounted file system, which goes on with fast commits until it is
/// mounted anew; the second stays. Nothing where this user may not read them, or where the journal
/// is not found. Layout: Documentation/filesystems/ext4/super.rst and journal.rst of the kernel.
std::optional<bool> superblock_fast_commit(const std::string& device, dev_t number) {
  constexpr std::uint32_t fast_commit_bit = 0x400;
  constexpr std::byte journal_fast_commit_bit{0x20};  // of a big-endian number's last byte
  constexpr std::array journal_magic{std::byte{0xC0}, std::byte{0x3B}, std::byte{0x39},
                                     std::byte{0x98}};
  constexpr std::uint16_t super_magic = 0xEF53;
  const Descriptor file(
      ::open(("/dev/" + device).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!file) return std::nullopt;
  const int fd = file.get();
  struct stat status {};
  std::array<std::byte, 1024> super{};
  std::array<std::byte, 48> journal{};
  const auto number_at = [&](std::size_t at) {
    return from_little_endian<std::uint32_t>(Bytes(super).subspan(at));
  };
  if (::fstat(fd, &status) != 0 || !S_ISBLK(status.st_mode) || status.st_rdev != number ||
      !read_block_device(fd, 1024, super) ||
      from_little_endian<std::uint16_t>(Bytes(super).subspan(0x38)) != super_magic) {
    return std::nullopt;
  }
  if ((number_at(0x5C) & fast_commit_bit) != 0) return true;
  const auto block = journal_block(super);
  const std::uint32_t shift = number_at(0x18);
  if (!block || shift > 6 || !read_block_device(fd, *block << (10U + shift), journal) ||
      !std::equal(journal_magic.begin(), journal_magic.end(), journal.begin())) {
    return std::nullopt;
  }
  return (journal[0x2B] & journal_fast_commit_bit) != std::byte{0};
}

/// Whether any source says that this file system makes fast commits. One "yes" outweighs any "no".
/// Empty where no source is certain.
/// - The superblocks tell, those who may read them.
/// - Kernels with CONFIG_EXT4_DEBUG list the feature as "fc_debug_force" (the table of options in
///   fs/ext4/super.c), and others list nothing; `simulate_fail` is there with that configuration
///   alone (fs/ext4/sysfs.c).
/// - fc_info counts those that were made since the mount: none so far says nothing.
std::optional<bool> makes_fast_commits(const FileSystemInfo& info, const std::string& device,
                                       dev_t number) {
  for (const auto* options : {&info.kernel_options, &info.mount_options}) {
    for (const auto& option : *options) {
      if (option.starts_with("fc_debug_force") || option.starts_with("fast_commit")) return true;
    }
  }
  if (const auto known = superblock_fast_commit(device, number)) return known;
  const auto counts = split_lines(read_kernel_file("/proc/fs/ext4/" + device + "/fc_info"));
  for (const auto& line : counts) {
    if (line.ends_with(" commits") && !line.starts_with("0 ")) return true;
  }
  const bool listed = ::access(("/sys/fs/ext4/" + device + "/simulate_fail").c_str(), F_OK) == 0;
  return listed ? std::optional(false) : std::nullopt;
}

/// The type by the number that statfs(2) gives, for a mount that mountinfo does not show. In a
/// chroot or a container, mountinfo lists only mounts below its root. A name by which protocols are
/// chosen is returned only where the number means that file system alone.
std::string type_of_number(std::uint64_t number) {
  constexpr std::uint64_t jfs = 0x3153464A;
  constexpr std::uint64_t zfs = 0x2FC12FC1;
  constexpr std::array<std::pair<std::uint64_t, std::string_view>, 16> types{
      {{EXT4_SUPER_MAGIC, "ext2, ext3 or ext4"},
       {XFS_SUPER_MAGIC, "xfs"},
       {BTRFS_SUPER_MAGIC, "btrfs"},
       {F2FS_SUPER_MAGIC, "f2fs"},
       {TMPFS_MAGIC, "tmpfs"},
       {RAMFS_MAGIC, "ramfs"},
       {OVERLAYFS_SUPER_MAGIC, "overlay"},
       {FUSE_SUPER_MAGIC, "fuse"},
       {NFS_SUPER_MAGIC, "nfs"},
       {SMB2_SUPER_MAGIC, "cifs"},
       {V9FS_MAGIC, "9p"},
       {MSDOS_SUPER_MAGIC, "vfat"},
       {EXFAT_SUPER_MAGIC, "exfat"},
       {PROC_SUPER_MAGIC, "proc"},
       {jfs, "jfs"},
       {zfs, "zfs"}}};
  for (const auto& [known, name] : types) {
    if (known == number) return std::string(name);
  }
  return {};
}

/// The bits that a new file in the directory inherits (FS_XFLAG); nothing where they can't be read.
std::optional<std::uint32_t> inherited_flags(int fd) {
  fsxattr attributes{};
  if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return std::nullopt;  // NOLINT: variadic
  return attributes.fsx_xflags;
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
  // "fs/sync.c: sync_file_range(2) may use WB_SYNC_ALL writeback": earlier kernels pass over pages
  // that are locked or under writeback already, and report nothing.
  static const bool writeback_awaited = kernel_is_at_least(5, 2);
  info.sync_reports = sync_reports;
  info.writeback_awaited = writeback_awaited;
  info.block_size = static_cast<std::uint64_t>(numbers.f_bsize);
  info.space_free = info.block_size * numbers.f_bavail;
  if (numbers.f_files != 0) info.files_free = numbers.f_ffree;
  struct statx raw {};
  if (!find_mount_of(fd, raw, info)) {
    constexpr std::uint64_t read_only = 1;  // ST_RDONLY of statvfs(3)
    info.type = type_of_number(static_cast<std::uint32_t>(numbers.f_type));
    if ((static_cast<std::uint64_t>(numbers.f_flags) & read_only) != 0) {
      info.mount_options = {"ro"};
    }
    return info;
  }
  if (info.type == "ext4") {
    const std::string device = device_name(raw.stx_dev_major, raw.stx_dev_minor);
    if (device.empty()) return info;
    info.kernel_options = split_lines(read_kernel_file("/proc/fs/ext4/" + device + "/options"));
    info.journal = find_journal(device);
    info.fast_commit =
        makes_fast_commits(info, device, makedev(raw.stx_dev_major, raw.stx_dev_minor));
    if (const auto flags = inherited_flags(fd)) info.dax = (*flags & FS_XFLAG_DAX) != 0;
  } else if (info.type == "xfs") {
    if (const auto flags = inherited_flags(fd)) {
      info.realtime = (*flags & (FS_XFLAG_RTINHERIT | FS_XFLAG_REALTIME)) != 0;
      info.dax = (*flags & FS_XFLAG_DAX) != 0;
    }
    // A log on another device is a mount option; without that option the log is on the device of
    // the data (xfs(5)).
    info.journal = JournalPlace::internal;
    for (const auto& option : info.mount_options) {
      if (option.starts_with("logdev=")) info.journal = JournalPlace::external;
    }
  }
  return info;
}

}  // namespace perdure
