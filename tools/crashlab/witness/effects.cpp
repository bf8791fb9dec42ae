// SPDX-License-Identifier: BSL-1.0
// The table of system calls.
#include "witness/effects.hpp"

#include <sys/syscall.h>

namespace crashlab {
namespace {

struct Known {
  std::uint64_t call;
  Effect effect;
  const char* name;
};

constexpr Known known[] = {
    {SYS_write, Effect::content, "write"},
    {SYS_pwrite64, Effect::content, "pwrite"},
    {SYS_writev, Effect::content, "writev"},
    {SYS_pwritev, Effect::content, "pwritev"},
    {SYS_pwritev2, Effect::content, "pwritev2"},
    {SYS_sendfile, Effect::content, "sendfile"},
    {SYS_copy_file_range, Effect::content, "copy_file_range"},
    {SYS_splice, Effect::content, "splice"},
    {SYS_ftruncate, Effect::content, "ftruncate"},
    {SYS_fallocate, Effect::content, "fallocate"},
    {SYS_ioctl, Effect::unknown, "ioctl"},
    {SYS_fsync, Effect::sync, "fsync"},
    {SYS_fdatasync, Effect::sync_data, "fdatasync"},
    {SYS_sync_file_range, Effect::none, "sync_file_range"},
    {SYS_syncfs, Effect::sync_all, "syncfs"},
    {SYS_sync, Effect::sync_all, "sync"},
    {SYS_msync, Effect::sync_range, "msync"},
    {SYS_mmap, Effect::map, "mmap"},
    {SYS_fchmod, Effect::none, "fchmod"},
    {SYS_fchown, Effect::none, "fchown"},
    {SYS_fsetxattr, Effect::none, "fsetxattr"},
    {SYS_fremovexattr, Effect::none, "fremovexattr"},
    {SYS_fchmodat, Effect::none, "fchmodat"},
    {SYS_fchownat, Effect::none, "fchownat"},
    {SYS_setxattr, Effect::none, "setxattr"},
    {SYS_lsetxattr, Effect::none, "lsetxattr"},
    {SYS_removexattr, Effect::none, "removexattr"},
    {SYS_lremovexattr, Effect::none, "lremovexattr"},
    {SYS_utimensat, Effect::none, "utimensat"},
    {SYS_truncate, Effect::names, "truncate"},
    {SYS_openat, Effect::names, "openat"},
    {SYS_openat2, Effect::names, "openat2"},
    {SYS_renameat, Effect::names, "renameat"},
    {SYS_renameat2, Effect::names, "renameat2"},
    {SYS_linkat, Effect::names, "linkat"},
    {SYS_symlinkat, Effect::names, "symlinkat"},
    {SYS_unlinkat, Effect::names, "unlinkat"},
    {SYS_mkdirat, Effect::names, "mkdirat"},
    {SYS_mknodat, Effect::names, "mknodat"},
#if defined(__x86_64__)
    {SYS_open, Effect::names, "open"},
    {SYS_creat, Effect::names, "creat"},
    {SYS_rename, Effect::names, "rename"},
    {SYS_link, Effect::names, "link"},
    {SYS_symlink, Effect::names, "symlink"},
    {SYS_unlink, Effect::names, "unlink"},
    {SYS_rmdir, Effect::names, "rmdir"},
    {SYS_mkdir, Effect::names, "mkdir"},
    {SYS_mknod, Effect::names, "mknod"},
    {SYS_chmod, Effect::none, "chmod"},
    {SYS_chown, Effect::none, "chown"},
    {SYS_lchown, Effect::none, "lchown"},
    {SYS_utime, Effect::none, "utime"},
    {SYS_utimes, Effect::none, "utimes"},
    {SYS_futimesat, Effect::none, "futimesat"},
#endif
};

}  // namespace

Effect effect_of(std::uint64_t call) {
  for (const Known& entry : known) {
    if (entry.call == call) return entry.effect;
  }
  return Effect::unknown;
}

std::string name_of_call(std::uint64_t call) {
  for (const Known& entry : known) {
    if (entry.call == call) return entry.name;
  }
  return "call " + std::to_string(call);
}

}  // namespace crashlab
