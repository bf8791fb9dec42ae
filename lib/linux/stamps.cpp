// SPDX-License-Identifier: BSL-1.0
// Tells which file systems stamp finely, by the tick, or by a clock that is not ours.
#include "linux/stamps.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <sys/statfs.h>

#include "linux/kernel_version.hpp"
#include "linux/mount_info.hpp"

namespace perdure {
namespace {

constexpr std::uint32_t ext_magic = 0xEF53;  // ext2, ext3 and ext4 alike
constexpr std::uint32_t tmpfs_magic = 0x01021994;
constexpr std::uint32_t xfs_magic = 0x58465342;
constexpr std::uint32_t btrfs_magic = 0x9123683E;

/// File systems whose files this kernel stamps, by its own clock. The others are stamped by another
/// machine or by a program: NFS, CIFS, 9p, FUSE, and all unknown ones.
constexpr std::array<std::uint32_t, 20> local{
    ext_magic,  tmpfs_magic, xfs_magic, btrfs_magic,
    0xF2F52010,  // f2fs
    0x3153464A,  // jfs
    0x00004D44,  // vfat
    0x2011BAB0,  // exfat
    0x7366746E,  // ntfs3
    0x794C7630,  // overlay: stamps are those of the upper layer
    0x0000F15F,  // ecryptfs: stamps are those of the file system below
    0x858458F6,  // ramfs
    0x2FC12FC1,  // zfs
    0xCA451A4E,  // bcachefs
    0x00003434,  // nilfs2
    0x15013346,  // udf
    0x0000482B,  // hfs+
    0x52654973,  // reiserfs
    0x00009660,  // iso9660
    0x73717368,  // squashfs
};

/// Whether the file system has FS_MGTIME (Documentation/filesystems/multigrain-ts.rst, since Linux
/// 6.13). The type of a mount tells, and its magic number does not: the driver of ext4 also serves
/// ext3, and devtmpfs is a tmpfs, both without it (fs/ext4/super.c, drivers/base/devtmpfs.c).
bool is_multigrain(int fd, std::uint32_t magic) {
  static const bool kernel_has_it = kernel_is_at_least(6, 13);
  if (!kernel_has_it) return false;
  if (magic == xfs_magic || magic == btrfs_magic) return true;
  if (magic != ext_magic && magic != tmpfs_magic) return false;
  struct statx raw {};
  FileSystemInfo info;
  return find_mount_of(fd, raw, info) && (info.type == "ext4" || info.type == "tmpfs");
}

Stamps ask(int fd) {
  struct statfs numbers {};
  int done = 0;
  do done = ::fstatfs(fd, &numbers);
  while (done < 0 && errno == EINTR);
  if (done < 0) return Stamps::foreign;
  const auto magic = static_cast<std::uint32_t>(numbers.f_type);
  if (is_multigrain(fd, magic)) return Stamps::fine;
  const bool is_local = std::find(local.begin(), local.end(), magic) != local.end();
  return is_local ? Stamps::ticks : Stamps::foreign;
}

/// The answers for some mounts, each in a slot by its number. If another mount takes the slot, the
/// first is asked for again.
std::array<std::atomic<std::uint64_t>, 64> answers{};  // NOLINT: shared by all threads
constexpr unsigned stamps_bits = 2;

}  // namespace

Stamps stamps_native(int fd, const Status& status) {
  if (status.mount == 0) {
    const bool on_block_device = (status.version.device >> 32U) != 0;
    return on_block_device ? Stamps::ticks : ask(fd);
  }
  auto& slot = answers[static_cast<std::size_t>(status.mount % answers.size())];
  const std::uint64_t answer = slot.load(std::memory_order_relaxed);
  if (answer >> stamps_bits == status.mount) {
    return static_cast<Stamps>(answer & ((1U << stamps_bits) - 1));
  }
  const Stamps found = ask(fd);
  slot.store(status.mount << stamps_bits | static_cast<std::uint64_t>(found),
             std::memory_order_relaxed);
  return found;
}

}  // namespace perdure
