// SPDX-License-Identifier: BSL-1.0
// A look at everything beneath a directory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "witness/history.hpp"

namespace crashlab {

/// The kernel's name for one inode, which no later inode of the same number has
/// (name_to_handle_at(2)).
using Handle = std::string;

struct Entry {
  NodeKind kind = NodeKind::other;
  Handle handle;
  struct stat status {};
  Content content;  ///< of a file, and of a link its target
};

/// By path beneath the directory, without a slash at the front: a directory comes before its
/// entries.
using Tree = std::map<std::string, Entry>;

/// Leaves no trace: times of access stay. A content whose handle and stamps are in `known` is taken
/// from there. Entries that are removed in the meantime are left out.
Tree look(const std::string& directory, ContentStore& store, const Tree& known = {});

/// The inode behind a path, links followed, as those of /proc/PID/fd have to be; none where there
/// is no such thing.
std::optional<Handle> handle_of(const std::string& path);
/// Its content, if it is a file that can be opened.
std::optional<Content> content_of(const std::string& path, ContentStore& store);

/// Makes the tree in an empty directory: contents, links, permissions and owners.
void lay_out(const Tree& tree, const std::string& directory);

NodeKind kind_of(const struct stat& status);

}  // namespace crashlab
