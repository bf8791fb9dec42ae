// SPDX-License-Identifier: BSL-1.0
// Lists, reads and writes extended attributes, of any size.
#include "linux/xattr.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

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

/// Whether this kernel knows the calls, and whoever confines us lets them through: asked once, with
/// a descriptor that is none.
bool has_calls() {
  static const bool has =
      ::syscall(sys_listxattrat, -1, "x", AT_SYMLINK_NOFOLLOW, nullptr, 0) < 0 && errno == EBADF;
  return has;
}

std::string proc_path(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

}  // namespace

ssize_t list_xattrs_at(int directory, const std::string& name, void* out, std::size_t size) {
  if (has_calls()) {
    return ::syscall(sys_listxattrat, directory, name.c_str(), AT_SYMLINK_NOFOLLOW, out, size);
  }
  return ::llistxattr(proc_path(directory, name).c_str(), static_cast<char*>(out), size);
}

ssize_t get_xattr_at(int directory, const std::string& name, const std::string& xattr, void* out,
                     std::size_t size) {
  if (has_calls()) {
    XattrArguments arguments{reinterpret_cast<std::uintptr_t>(out),
                             static_cast<std::uint32_t>(size), 0};
    return ::syscall(sys_getxattrat, directory, name.c_str(), AT_SYMLINK_NOFOLLOW, xattr.c_str(),
                     &arguments, sizeof(arguments));
  }
  return ::lgetxattr(proc_path(directory, name).c_str(), xattr.c_str(), out, size);
}

}  // namespace perdure
