// SPDX-License-Identifier: BSL-1.0
// The filter by which the kernel stops a workload at these calls.
#include "recording/watched_calls.hpp"

#include <cstddef>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace crashlab {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native_arch = AUDIT_ARCH_AARCH64;
#else
#error "crashlab: which AUDIT_ARCH is this?"
#endif

struct Watched {
  std::uint32_t call;
  int fd_argument;
};

constexpr Watched watched[] = {
    {SYS_write, 0},           {SYS_pwrite64, 0},        {SYS_writev, 0},
    {SYS_pwritev, 0},         {SYS_pwritev2, 0},        {SYS_sendfile, 0},
    {SYS_copy_file_range, 2}, {SYS_splice, 2},          {SYS_ftruncate, 0},
    {SYS_fallocate, 0},       {SYS_fsync, 0},           {SYS_fdatasync, 0},
    {SYS_sync_file_range, 0}, {SYS_syncfs, 0},          {SYS_fchmod, 0},
    {SYS_fchown, 0},          {SYS_fsetxattr, 0},       {SYS_fremovexattr, 0},
    {SYS_ioctl, 0},           {SYS_sync, -1},           {SYS_msync, -1},
    {SYS_truncate, -1},       {SYS_renameat, -1},       {SYS_renameat2, -1},
    {SYS_linkat, -1},         {SYS_symlinkat, -1},      {SYS_unlinkat, -1},
    {SYS_mkdirat, -1},        {SYS_mknodat, -1},        {SYS_fchmodat, -1},
    {SYS_fchownat, -1},       {SYS_setxattr, -1},       {SYS_lsetxattr, -1},
    {SYS_removexattr, -1},    {SYS_lremovexattr, -1},   {SYS_utimensat, -1},
    {SYS_openat2, -1},        {SYS_io_uring_enter, -1}, {SYS_io_submit, -1},
#if defined(__x86_64__)
    {SYS_rename, -1},         {SYS_link, -1},           {SYS_symlink, -1},
    {SYS_unlink, -1},         {SYS_rmdir, -1},          {SYS_mkdir, -1},
    {SYS_mknod, -1},          {SYS_creat, -1},          {SYS_chmod, -1},
    {SYS_chown, -1},          {SYS_lchown, -1},         {SYS_utime, -1},
    {SYS_utimes, -1},         {SYS_futimesat, -1},
#endif
};

constexpr std::uint32_t creating = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

sock_filter give(std::uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

sock_filter load_argument(std::size_t argument) {
  return load(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
}

/// Stops at `call` when its argument has one of the creating flags; the call's number stays loaded
/// for the next instructions.
void add_open(std::vector<sock_filter>& filter, std::uint32_t call, std::size_t argument) {
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
  filter.push_back(load_argument(argument));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, creating, 0, 1));
  filter.push_back(give(SECCOMP_RET_TRACE));
  filter.push_back(give(SECCOMP_RET_ALLOW));
}

void add_mmap(std::vector<sock_filter>& filter) {
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6));
  filter.push_back(load_argument(2));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 0, 3));
  filter.push_back(load_argument(3));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1));
  filter.push_back(give(SECCOMP_RET_TRACE));
  filter.push_back(give(SECCOMP_RET_ALLOW));
}

}  // namespace

std::vector<sock_filter> watch_filter(bool mappings) {
  std::vector<sock_filter> filter;
  filter.push_back(load(offsetof(seccomp_data, arch)));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_arch, 1, 0));
  filter.push_back(give(SECCOMP_RET_ALLOW));
  filter.push_back(load(offsetof(seccomp_data, nr)));
  for (const Watched& entry : watched) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, entry.call, 0, 1));
    filter.push_back(give(SECCOMP_RET_TRACE));
  }
  if (mappings) add_mmap(filter);
  add_open(filter, SYS_openat, 2);
#if defined(__x86_64__)
  add_open(filter, SYS_open, 1);
#endif
  filter.push_back(give(SECCOMP_RET_ALLOW));
  return filter;
}

int changed_fd_argument(std::uint64_t call) {
  if (call == SYS_mmap) return 4;
  for (const Watched& entry : watched) {
    if (entry.call == call) return entry.fd_argument;
  }
  return -1;
}

}  // namespace crashlab
