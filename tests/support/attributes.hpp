// SPDX-License-Identifier: BSL-1.0
// Extended attributes and POSIX ACLs by plain system calls (libacl is not needed for it).
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <sys/xattr.h>
#include <vector>

#include <boost/filesystem/path.hpp>

namespace perdure::test {

/// One entry of an ACL, as linux/posix_acl_xattr.h lays it out.
struct AclEntry {
  enum Tag : std::uint16_t {
    owner = 1,
    user = 2,
    group_owner = 4,
    group = 8,
    mask = 16,
    others = 32
  };
  Tag tag;
  std::uint16_t permissions;
  std::uint32_t id = UINT32_MAX;
};

/// The value of system.posix_acl_access or system.posix_acl_default. Entries in the order above.
inline std::string acl_value(const std::vector<AclEntry>& entries) {
  std::string bytes;
  const auto put = [&](std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xffU);
  };
  put(2, 4);
  for (const auto& entry : entries) {
    put(entry.tag, 2);
    put(entry.permissions, 2);
    put(entry.id, 4);
  }
  return bytes;
}

inline constexpr const char* access_acl = "system.posix_acl_access";
inline constexpr const char* default_acl = "system.posix_acl_default";

inline void set_attribute(const boost::filesystem::path& path, const std::string& name,
                          const std::string& value) {
  if (::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
    throw std::runtime_error("can't set " + name + " of " + path.native());
  }
}

/// The attribute's value, or "(none)".
inline std::string attribute(const boost::filesystem::path& path, const std::string& name) {
  std::array<char, 65536> value{};
  const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  return size < 0 ? "(none)" : std::string(value.data(), static_cast<std::size_t>(size));
}

}  // namespace perdure::test
