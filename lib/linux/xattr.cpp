// SPDX-License-Identifier: BSL-1.0
// Lists, reads and writes extended attributes, of any size.
#include "linux/xattr.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "linux/descriptor.hpp"

namespace perdure {
namespace {

// include/uapi/asm-generic/unistd.h of Linux 6.13, newer than the headers one may have. The same
// number on every architecture but Alpha.
#if defined(__alpha__)
constexpr long sys_getxattrat = 574;
constexpr long sys_listxattrat = 575;
#else
constexpr long sys_getxattrat = 464;
constexpr long sys_listxattrat = 465;
#endif

/// struct xattr_args of include/uapi/linux/xattr.h.
struct XattrArguments {
  alignas(8) std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};

/// Whether this kernel has the calls, and no filter (seccomp) refuses them: asked once, with an
/// invalid descriptor.
bool has_calls() {
  static const bool has =
      ::syscall(sys_listxattrat, -1, "x", AT_SYMLINK_NOFOLLOW, nullptr, 0) < 0 && errno == EBADF;
  return has;
}

/// A program may confine itself after its first commit.
bool is_refused_call(ssize_t result) {
  return result < 0 && (errno == ENOSYS || errno == EPERM);
}

std::string proc_path(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

/// Reads by way of /proc. If that path is missing, /proc may be missing, which tells nothing about
/// the file. Then it reads through a descriptor of the file, for which this user must be able to
/// read it.
template <class ByPath, class ByDescriptor>
ssize_t read_without_calls(int directory, const std::string& name, ByPath by_path,
                           ByDescriptor by_descriptor) {
  const ssize_t got = by_path(proc_path(directory, name).c_str());
  if (got >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES)) return got;
  const Descriptor file(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  return file ? by_descriptor(file.get()) : -1;
}

}  // namespace

ssize_t list_xattrs_at(int directory, const std::string& name, void* out, std::size_t size) {
  auto* const list = static_cast<char*>(out);
  if (has_calls()) {
    const ssize_t got =
        ::syscall(sys_listxattrat, directory, name.c_str(), AT_SYMLINK_NOFOLLOW, list, size);
    if (!is_refused_call(got)) return got;
  }
  return read_without_calls(
      directory, name, [&](const char* path) { return ::llistxattr(path, list, size); },
      [&](int file) { return ::flistxattr(file, list, size); });
}

ssize_t get_xattr_at(int directory, const std::string& name, const std::string& xattr, void* out,
                     std::size_t size) {
  if (has_calls()) {
    XattrArguments arguments{reinterpret_cast<std::uintptr_t>(out),
                             static_cast<std::uint32_t>(size), 0};
    const ssize_t got = ::syscall(sys_getxattrat, directory, name.c_str(), AT_SYMLINK_NOFOLLOW,
                                  xattr.c_str(), &arguments, sizeof(arguments));
    if (!is_refused_call(got)) return got;
  }
  return read_without_calls(
      directory, name,
      [&](const char* path) { return ::lgetxattr(path, xattr.c_str(), out, size); },
      [&](int file) { return ::fgetxattr(file, xattr.c_str(), out, size); });
}

}  // namespace perdure
