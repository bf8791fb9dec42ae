// SPDX-License-Identifier: BSL-1.0
// The calls of SimulatedFileSystem that are about names.
#include <algorithm>
#include <cerrno>

#include <perdure/testing/simulated_file_system.hpp>

#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

namespace {

/// Whether `directory` is `inode` or lies below it.
bool is_within(const Tree& tree, InodeId directory, InodeId inode) {
  if (directory == inode) return true;
  const Inode* at = tree.find(inode);
  if (at == nullptr || !at->entries) return false;
  return std::ranges::any_of(
      *at->entries, [&](const Entry& entry) { return is_within(tree, directory, entry.inode); });
}

struct Move {
  InodeId from_directory;
  InodeId to_directory;
  InodeId moved;
  InodeId replaced;  // or exchanged; no_inode if the new name is free
};

/// rename(2) and renameat2(2): what forbids this move; 0 if nothing does.
int fault_of(Simulation& sim, const Move& move, RenameMode mode) {
  const Tree& tree = sim.disk.visible;
  if (move.replaced != no_inode && mode == RenameMode::no_replace) return EEXIST;
  if (move.replaced == no_inode && mode == RenameMode::exchange) return ENOENT;
  const Inode& moved = *tree.find(move.moved);
  if (moved.device != tree.find(move.to_directory)->device) return EXDEV;
  const bool is_directory = moved.type == FileType::directory;
  if (is_directory && is_within(tree, move.to_directory, move.moved)) return EINVAL;
  if (move.replaced != no_inode && is_within(tree, move.from_directory, move.replaced)) {
    return mode == RenameMode::exchange ? EINVAL : ENOTEMPTY;
  }
  if (const int fault = sim.may_remove(move.from_directory, move.moved); fault != 0) return fault;
  const Inode& to = *tree.find(move.to_directory);
  const bool removed = move.to_directory != root_inode && tree.links(move.to_directory) == 0;
  if (removed) return ENOENT;  // somebody still has it open; may_create in fs/namei.c
  if (!sim.permits(to, 3)) return EACCES;
  if (to.immutable) return EPERM;
  // A directory that gets another parent is written to, too: vfs_rename in fs/namei.c
  const bool parent_changes = move.from_directory != move.to_directory;
  const int refused = is_directory && parent_changes && !sim.permits(moved, 2) ? EACCES : 0;
  if (move.replaced == no_inode) return refused;
  if (const int fault = sim.may_remove(move.to_directory, move.replaced); fault != 0) return fault;
  const Inode& replaced = *tree.find(move.replaced);
  const bool replaces_directory = replaced.type == FileType::directory;
  if (mode == RenameMode::exchange) {
    const bool his = replaces_directory && parent_changes && !sim.permits(replaced, 2);
    return his ? EACCES : refused;
  }
  if (is_directory && !replaces_directory) return ENOTDIR;
  if (!is_directory && replaces_directory) return EISDIR;
  if (refused != 0) return refused;
  return is_directory && !replaced.entries->empty() ? ENOTEMPTY : 0;
}

void issue_entries(Simulation& sim, InodeId inode, std::vector<Effect> effects) {
  Change change;
  change.inode = inode;
  change.effects = std::move(effects);
  sim.disk.issue(std::move(change));
}

}  // namespace

SysResult<void> SimulatedFileSystem::rename(Handle from_directory, const std::string& from,
                                            Handle to_directory, const std::string& to,
                                            RenameMode mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  Move move{};
  BOOST_OUTCOME_TRY(move.from_directory, sim.directory(from_directory));
  BOOST_OUTCOME_TRY(move.to_directory, sim.directory(to_directory));
  BOOST_OUTCOME_TRY(move.moved, sim.child(move.from_directory, from));
  const auto replaced = sim.child(move.to_directory, to);
  if (!replaced && replaced.error().value() != ENOENT) return replaced.error();
  move.replaced = replaced ? replaced.value() : no_inode;
  if (move.moved == move.replaced && mode != RenameMode::no_replace) {
    return success();  // two names of one file, or one: rename(2)
  }
  if (const int fault = fault_of(sim, move, mode); fault != 0) return errno_code(fault);
  sim.record(Operation::rename);
  const Effect gain{move.to_directory, to, move.moved};
  const Effect loss{move.from_directory, from,
                    mode == RenameMode::exchange ? move.replaced : no_inode};
  if (sim.disk.preset->split_rename) {
    if (move.replaced != no_inode) {
      issue_entries(sim, move.replaced, {{move.to_directory, to, no_inode}});
    }
    issue_entries(sim, move.moved, {gain});
    issue_entries(sim, mode == RenameMode::exchange ? move.replaced : move.moved, {loss});
  } else if (sim.disk.preset->sync_overtakes && mode != RenameMode::exchange &&
             move.from_directory != move.to_directory) {
    issue_entries(sim, move.moved, {gain});  // the log of one directory has no entry for the other
    issue_entries(sim, move.moved, {loss});
  } else {
    issue_entries(sim, move.moved, {loss, gain});
  }
  sim.tick();
  sim.touch(move.moved, false);
  sim.touch(move.from_directory, true);
  sim.touch(move.to_directory, true);
  if (move.replaced != no_inode) {
    sim.touch(move.replaced, false);
    sim.drop_if_unused(move.replaced);
  }
  return success();
}

SysResult<void> SimulatedFileSystem::link(Handle from_directory, const std::string& from,
                                          Handle to_directory, const std::string& to) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId source, sim.directory(from_directory));
  BOOST_OUTCOME_TRY(const InodeId target, sim.directory(to_directory));
  BOOST_OUTCOME_TRY(const InodeId linked, sim.child(source, from));
  const Inode& inode = *sim.disk.visible.find(linked);
  if (const int fault = sim.may_add(target, to); fault != 0) return errno_code(fault);
  if (inode.device != sim.disk.visible.find(target)->device) return errno_code(EXDEV);
  if (inode.immutable || inode.type == FileType::directory) return errno_code(EPERM);
  // fs.protected_hardlinks: no user links a file that he neither owns nor may write; proc(5)
  if (!sim.owns(inode) && !sim.permits(inode, 6)) return errno_code(EPERM);
  if (sim.disk.visible.links(linked) >= sim.limits.links) return errno_code(EMLINK);
  sim.record(Operation::link);
  issue_entries(sim, linked, {{target, to, linked}});
  sim.tick();
  sim.touch(linked, false);
  sim.touch(target, true);
  return success();
}

SysResult<void> SimulatedFileSystem::unlink(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  BOOST_OUTCOME_TRY(const InodeId victim, sim.child(parent, name));
  if (const int fault = sim.may_remove(parent, victim); fault != 0) return errno_code(fault);
  if (sim.disk.visible.find(victim)->type == FileType::directory) return errno_code(EISDIR);
  sim.record(Operation::unlink);
  issue_entries(sim, victim, {{parent, name, no_inode}});
  sim.tick();
  sim.touch(victim, false);
  sim.touch(parent, true);
  sim.drop_if_unused(victim);
  return success();
}

SysResult<void> SimulatedFileSystem::make_directory(Handle directory, const std::string& name,
                                                    std::uint32_t mode) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  if (const int fault = sim.may_add(parent, name); fault != 0) return errno_code(fault);
  sim.record(Operation::make_directory);
  BOOST_OUTCOME_TRY(sim.make(parent, name, FileType::directory, mode & 01777U));
  return success();
}

SysResult<void> SimulatedFileSystem::remove_directory(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  BOOST_OUTCOME_TRY(const InodeId victim, sim.child(parent, name));
  const Inode& inode = *sim.disk.visible.find(victim);
  if (inode.type != FileType::directory) return errno_code(ENOTDIR);
  if (const int fault = sim.may_remove(parent, victim); fault != 0) return errno_code(fault);
  if (!inode.entries->empty()) return errno_code(ENOTEMPTY);
  sim.record(Operation::remove_directory);
  issue_entries(sim, victim, {{parent, name, no_inode}});
  sim.tick();
  sim.touch(parent, true);
  sim.drop_if_unused(victim);
  return success();
}

SysResult<Handle> SimulatedFileSystem::open_link(Handle directory, const std::string& name) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId found, sim.named(directory, name));
  return sim.open(found, false);
}

SysResult<void> SimulatedFileSystem::make_symlink(Handle directory, const std::string& name,
                                                  const std::string& text) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId parent, sim.directory(directory));
  if (const int fault = sim.may_add(parent, name); fault != 0) return errno_code(fault);
  sim.record(Operation::make_symlink);
  BOOST_OUTCOME_TRY(sim.make(parent, name, FileType::symlink, 0777, text));
  return success();
}

SysResult<std::string> SimulatedFileSystem::read_link(Handle link) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  const OpenFile* opened = sim.find(link);
  if (opened == nullptr) return errno_code(EBADF);
  const Inode& inode = *sim.disk.visible.find(opened->inode);
  if (inode.type != FileType::symlink) return errno_code(ENOENT);  // readlinkat(2) at a handle
  return std::string(as_text(inode.data->bytes));
}

SysResult<std::vector<DirectoryEntry>> SimulatedFileSystem::list(Handle directory) {
  Simulation& sim = *simulation_;
  const std::scoped_lock lock(sim.mutex);
  BOOST_OUTCOME_TRY(const InodeId id, sim.directory(directory));
  std::vector<DirectoryEntry> entries;
  for (const Entry& entry : *sim.disk.visible.find(id)->entries) {
    entries.push_back({entry.name, sim.disk.visible.find(entry.inode)->type});
  }
  return entries;
}

}  // namespace perdure::testing
