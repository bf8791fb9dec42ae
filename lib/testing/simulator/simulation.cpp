// SPDX-License-Identifier: BSL-1.0
// Permissions, limits and handles of the simulated calls.
#include "testing/simulator/simulation.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/simulator/acl.hpp"
#include "testing/simulator/in_memory.hpp"

namespace perdure::testing {

SysResult<Handle> Simulation::open(InodeId inode, bool writable) {
  const auto free = std::ranges::find(open_files, no_inode, &OpenFile::inode);
  const auto index = static_cast<std::size_t>(free - open_files.begin());
  if (index >= limits.handles) return errno_code(EMFILE);
  if (free == open_files.end()) open_files.emplace_back();
  const auto failed = errors.find(inode);
  open_files[index] = {inode, writable, std::nullopt, failed == errors.end() ? 0 : failed->second,
                       errors_of_all};
  return static_cast<Handle>(static_cast<int>(index) + first_handle);
}

bool Simulation::hears_error(OpenFile& opened) {
  const auto failed = errors.find(opened.inode);
  const std::uint64_t count = failed == errors.end() ? 0 : failed->second;
  return std::exchange(opened.errors_seen, count) != count;
}

bool Simulation::hears_error_of_all(OpenFile& opened) {
  return std::exchange(opened.errors_of_all_seen, errors_of_all) != errors_of_all;
}

OpenFile* Simulation::find(Handle handle) {
  const auto index = static_cast<std::size_t>(static_cast<int>(handle) - first_handle);
  if (static_cast<int>(handle) < first_handle || index >= open_files.size()) return nullptr;
  return open_files[index].inode == no_inode ? nullptr : &open_files[index];
}

SysResult<InodeId> Simulation::directory(Handle handle) {
  if (handle == Handle::working_directory) return root_inode;
  const OpenFile* opened = find(handle);
  if (opened == nullptr) return errno_code(EBADF);
  if (disk.visible.find(opened->inode)->type != FileType::directory) return errno_code(ENOTDIR);
  return opened->inode;
}

SysResult<InodeId> Simulation::file(Handle handle, bool for_writing) {
  const OpenFile* opened = find(handle);
  if (opened == nullptr || (for_writing && !opened->writable)) return errno_code(EBADF);
  return opened->inode;
}

void Simulation::close(Handle handle) {
  OpenFile* opened = find(handle);
  const InodeId inode = opened->inode;
  *opened = {};
  drop_if_unused(inode);
}

void Simulation::drop_if_unused(InodeId inode) {
  if (inode == root_inode || disk.visible.links(inode) != 0) return;
  if (std::ranges::find(open_files, inode, &OpenFile::inode) == open_files.end()) {
    disk.visible.erase(inode);
  }
}

int Simulation::fault_of_name(InodeId parent, const std::string& name) const {
  if (name.size() > 255) {  // in a directory that was removed nobody even asks how long it is
    return parent == root_inode || disk.visible.links(parent) != 0 ? ENAMETOOLONG : ENOENT;
  }
  if (name.empty()) return ENOENT;
  if (name == "." || name == ".." || name.find('/') != std::string::npos) return EINVAL;
  return 0;
}

SysResult<InodeId> Simulation::child(InodeId parent, const std::string& name) {
  if (const int fault = fault_of_name(parent, name); fault != 0) return errno_code(fault);
  if (!permits(*disk.visible.find(parent), 1)) return errno_code(EACCES);
  const InodeId found = disk.visible.lookup(parent, name);
  if (found == no_inode) return errno_code(ENOENT);
  return found;
}

SysResult<InodeId> Simulation::named(Handle at, const std::string& name) {
  BOOST_OUTCOME_TRY(const InodeId parent, directory(at));
  return child(parent, name);
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    begin = end + 1;
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  return parts;
}

SysResult<InodeId> Simulation::resolve(InodeId from, const std::string& path, int depth) {
  if (depth > 40) return errno_code(ELOOP);
  if (path.empty()) return errno_code(ENOENT);
  std::vector<InodeId> trail{path.front() == '/' ? root_inode : from};
  for (const std::string& part : parts_of(path)) {
    const Inode* at = disk.visible.find(trail.back());
    if (at->type != FileType::directory) return errno_code(ENOTDIR);
    if (part == "..") {
      InodeId parent = root_inode;
      for (const auto& [id, inode] : disk.visible.inodes()) {
        if (inode->entries && std::ranges::find(*inode->entries, trail.back(), &Entry::inode) !=
                                  inode->entries->end()) {
          parent = id;
        }
      }
      trail.push_back(parent);
      continue;
    }
    auto found = child(trail.back(), part);
    if (!found) return found.error();
    const Inode* inode = disk.visible.find(found.value());
    if (inode->type == FileType::symlink) {
      found = resolve(trail.back(), std::string(as_text(inode->data->bytes)), depth + 1);
      if (!found) return found.error();
    }
    trail.push_back(found.value());
  }
  return trail.back();
}

SysResult<InodeId> Simulation::resolve_beneath(InodeId from, const std::string& path) {
  if (path.empty()) return errno_code(ENOENT);
  if (path.front() == '/') return errno_code(EXDEV);
  std::vector<InodeId> trail{from};
  for (const std::string& part : parts_of(path)) {
    if (part == "..") {
      if (trail.size() == 1) return errno_code(EXDEV);
      trail.pop_back();
      continue;
    }
    const Inode* at = disk.visible.find(trail.back());
    if (at->type != FileType::directory) return errno_code(ENOTDIR);
    BOOST_OUTCOME_TRY(const InodeId found, child(trail.back(), part));
    const Inode* inode = disk.visible.find(found);
    if (inode->type == FileType::symlink) return errno_code(ELOOP);
    if (inode->mount_point || inode->device != at->device) return errno_code(EXDEV);
    trail.push_back(found);
  }
  return trail.back();
}

bool Simulation::owns(const Inode& inode) const {
  return user.user == 0 || user.user == inode.owner;
}

bool Simulation::permits(const Inode& inode, std::uint32_t bits) const {
  if (user.user == 0) return true;
  const std::uint32_t shift = user.user == inode.owner ? 6 : user.group == inode.group ? 3 : 0;
  return ((inode.mode >> shift) & bits) == bits;
}

int Simulation::may_add(InodeId parent, const std::string& name) {
  if (const int fault = fault_of_name(parent, name); fault != 0) return fault;
  const Inode& inode = *disk.visible.find(parent);
  if (!permits(inode, 1)) return EACCES;
  if (disk.visible.lookup(parent, name) != no_inode) return EEXIST;
  if (const int refused = refusal(); refused != 0) return refused;
  if (parent != root_inode && disk.visible.links(parent) == 0) return ENOENT;
  if (!permits(inode, 3)) return EACCES;
  return inode.immutable ? EPERM : 0;
}

int Simulation::may_remove(InodeId parent, InodeId victim) {
  const Inode& from = *disk.visible.find(parent);
  const Inode& inode = *disk.visible.find(victim);
  if (const int refused = refusal(); refused != 0) return refused;
  if (!permits(from, 3)) return EACCES;
  if (inode.immutable || from.immutable) return EPERM;
  if ((from.mode & 01000U) != 0 && !owns(inode) && !owns(from)) return EPERM;
  return inode.mount_point ? EBUSY : 0;
}

SysResult<InodeId> Simulation::make(InodeId parent, const std::string& name, FileType type,
                                    std::uint32_t mode, const std::string& text) {
  if (const int fault = may_add(parent, name); fault != 0) return errno_code(fault);
  if (const int fault = may_make_inode(); fault != 0) return errno_code(fault);
  Inode inode = fresh(*disk.visible.find(parent), type, mode);
  if (inode.data) {
    const Bytes bytes = as_bytes(text);
    inode.data->bytes.assign(bytes.begin(), bytes.end());
  }
  Change change;
  change.inode = disk.next_inode++;
  change.effects.push_back({parent, name, change.inode});
  change.born = std::make_shared<const Inode>(inode);
  const InodeId made = change.inode;
  disk.issue(std::move(change));
  touch(parent, true);
  return made;
}

Inode Simulation::fresh(const Inode& directory_inode, FileType type, std::uint32_t mode) {
  Inode inode;
  inode.type = type;
  inode.mode = mode & 07777U;
  inode.owner = user.user;
  inode.group = (directory_inode.mode & 02000U) != 0 ? directory_inode.group : user.group;
  inode.device = directory_inode.device;
  inode.number = disk.visible.free_number();
  inode.birth_ns = inode.mtime_ns = inode.ctime_ns = tick();
  if (type == FileType::directory) {
    inode.mode |= directory_inode.mode & 02000U;
    inode.entries = std::make_shared<const Entries>();
  } else {
    inode.data = std::make_shared<Blob>();
  }
  if (type != FileType::symlink) inherit_acl(directory_inode, inode);
  return inode;
}

std::uint64_t Simulation::used(std::optional<std::uint32_t> owner) const {
  std::uint64_t total = 0;
  for (const auto& [id, inode] : disk.visible.inodes()) {
    if (owner && inode->owner != *owner) continue;
    total += (inode->size() + block_size - 1) / block_size * block_size;
  }
  return total;
}

std::uint64_t Simulation::free_bytes(const Inode& inode, int& error) const {
  std::uint64_t free = Limits::none;
  if (limits.space != Limits::none) {
    free = limits.space - std::min(limits.space, used(std::nullopt));
    error = ENOSPC;
  }
  if (limits.quota_space != Limits::none && inode.owner != 0) {
    const std::uint64_t quota =
        limits.quota_space - std::min(limits.quota_space, used(inode.owner));
    if (quota < free) {
      free = quota;
      error = EDQUOT;
    }
  }
  if (free == Limits::none) return free;
  return free +
         (block_size - inode.size() % block_size) % block_size;  // the rest of its last block
}

int Simulation::may_make_inode() const {
  if (disk.visible.inodes().size() >= limits.inodes) return ENOSPC;
  if (user.user == 0 || limits.quota_inodes == Limits::none) return 0;
  const auto mine = std::ranges::count_if(
      disk.visible.inodes(), [&](const auto& slot) { return slot.second->owner == user.user; });
  return static_cast<std::uint64_t>(mine) >= limits.quota_inodes ? EDQUOT : 0;
}

void Simulation::touch(InodeId id, bool content) {
  Inode& inode = disk.visible.edit(id);
  inode.ctime_ns = disk.clock_ns;
  if (content) inode.mtime_ns = disk.clock_ns;
}

void Simulation::issue_write(InodeId inode, std::uint64_t offset, Bytes bytes) {
  // A journal of content takes it block by block, so that a long write may be cut between two.
  const std::uint64_t piece_max = disk.preset->content_ordered ? block_size : Limits::none;
  while (!bytes.empty()) {
    const std::uint64_t room =
        piece_max == Limits::none ? bytes.size() : piece_max - offset % piece_max;
    const Bytes piece = bytes.first(in_memory(std::min<std::uint64_t>(bytes.size(), room)));
    Change change;
    change.kind = Change::Kind::write;
    change.inode = inode;
    change.offset = offset;
    change.bytes.assign(piece.begin(), piece.end());
    change.time_ns = disk.clock_ns;
    disk.issue(std::move(change));
    bytes = bytes.subspan(piece.size());
    offset += piece.size();
  }
}

Status Simulation::status(InodeId id) const {
  const Inode& inode = *disk.visible.find(id);
  Status status;
  status.type = inode.type;
  status.mode = inode.mode;
  status.owner = inode.owner;
  status.group = inode.group;
  status.links = disk.visible.links(id);
  if (inode.type == FileType::directory && (status.links != 0 || id == root_inode)) {
    status.links = 2;  // and one for each directory in it
    for (const Entry& entry : *inode.entries) {
      const Inode* below = disk.visible.find(entry.inode);
      if (below != nullptr && below->type == FileType::directory) ++status.links;
    }
  }
  status.immutable = inode.immutable;
  status.mount_point = inode.mount_point;
  status.version = {.device = inode.device,
                    .inode = inode.number,
                    .birth_ns = inode.birth_ns,
                    .size = inode.size(),
                    .mtime_ns = inode.mtime_ns,
                    .ctime_ns = inode.ctime_ns};
  status.tick_ns = disk.clock_ns;
  return status;
}

void Simulation::crash(Disk after) {
  open_files.clear();
  disk = std::move(after);
}

void Simulation::inherit_acl(const Inode& parent, Inode& inode) const {
  const auto inherited = acl::find(parent.xattrs.get(), acl::default_name);
  if (!inherited) {
    inode.mode &= ~(user.umask & 0777U);
    return;
  }
  acl::inherit(*inherited, inode);
}

}  // namespace perdure::testing
