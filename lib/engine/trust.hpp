// SPDX-License-Identifier: BSL-1.0
// Which owner a file or directory that was found must have, before it may decide anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <perdure/pipeline/target.hpp>

#include "base/internal.hpp"

namespace perdure {

/// Who, besides root, may give and take names in a directory. Entries of an ACL count: its mask
/// stands in the group's bits (acl(5)).
enum class NameWriters : std::uint8_t {
  user,    ///< This user alone.
  owner,   ///< The directory's owner, who is another user.
  sticky,  ///< Its group or everybody, each only for his own files: the sticky bit is set.
  many,    ///< Its group or everybody, for all names.
};

[[nodiscard]] NameWriters name_writers(FileSystem& files, const Status& directory);

/// Whether two owners are the same user. Owners that this user name space has no number for all
/// look alike (the overflow uid, user_namespaces(7)), so they equal nobody.
[[nodiscard]] bool is_same_user(FileSystem& files, std::uint32_t one, std::uint32_t other);

/// Whether `owner` is this user or root.
[[nodiscard]] bool is_user_or_root(FileSystem& files, std::uint32_t owner);

/// Whether owners matter in a directory: it is sticky, and not its owner's alone.
[[nodiscard]] PERDURE_INTERNAL_API bool do_owners_matter(const Status& directory);

/// Whether the owner of what was found in that directory may decide anything. In a sticky directory
/// only this user, root and the directory's owner may. The kernel's own rule for opening files
/// there is the same (may_create_in_sticky in fs/namei.c, the sysctl protected_regular). Elsewhere
/// the owner of a file tells nothing: a user who may write to the directory can put anybody's file
/// there.
[[nodiscard]] PERDURE_INTERNAL_API bool is_owner_trusted(FileSystem& files, const Status& directory,
                                                         std::uint32_t owner);

/// The user for whom root makes a file that stays in a directory: a lock, a private directory, a
/// marker.
struct Keeper {
  std::uint32_t owner;
  std::uint32_t group;
};

/// The user who gets a file that root makes beside `leaf` and that stays there. It is the owner of
/// `leaf`, if he may decide anything in that directory, or the directory's owner. Otherwise one
/// command of root would lock out the service that owns the files. Empty if this user is not root,
/// and where the files are root's own.
PERDURE_INTERNAL_API SysResult<std::optional<Keeper>> keeper_at(FileSystem& files, Handle directory,
                                                                const std::string& leaf);
PERDURE_INTERNAL_API SysResult<void> give_to(FileSystem& files, Handle made, const Keeper& keeper);

/// Refuses a file that was found in `target.directory` and would decide something, if its owner is
/// not trusted; `what` names it: "the file there". ErrorKind::untrusted. Looks at the directory if
/// the target does not know its status, and the owner is another user.
PERDURE_INTERNAL_API Result<void> check_owner(const Target& target, std::string_view step,
                                              std::string_view what, std::uint32_t owner);

}  // namespace perdure
