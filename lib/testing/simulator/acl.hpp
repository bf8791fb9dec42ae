// SPDX-License-Identifier: BSL-1.0
// POSIX ACLs as the kernel keeps them in extended attributes: acl(5), fs/posix_acl.c.
#pragma once

#include <optional>
#include <string_view>

#include "testing/simulator/tree.hpp"

namespace perdure::testing::acl {

inline constexpr std::string_view access_name = "system.posix_acl_access";
inline constexpr std::string_view default_name = "system.posix_acl_default";

/// The attribute's value; empty if it is not there.
std::optional<Buffer> find(const Xattrs* xattrs, std::string_view name);

/// The mode that setting this access ACL leads to, and whether it says more than a mode can: one
/// that does not is not kept. Empty for a value that is not an ACL.
struct Reduced {
  std::uint32_t mode = 0;
  bool minimal = true;
};
std::optional<Reduced> reduce(const Buffer& value, std::uint32_t mode);

/// The ACL with its entries for owner, mask and others as the mode says now.
Buffer with_mode(Buffer value, std::uint32_t mode);

/// Gives a new inode the rights of its directory's default ACL; `inode.mode` is the mode that was
/// asked for.
void inherit(const Buffer& inherited, Inode& inode);

}  // namespace perdure::testing::acl
