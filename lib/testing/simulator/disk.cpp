// SPDX-License-Identifier: BSL-1.0
// Issues changes, syncs them, and applies those that survive.
#include "testing/simulator/disk.hpp"

#include <algorithm>
#include <unordered_map>

#include "testing/simulator/in_memory.hpp"

namespace perdure::testing {

namespace {

bool touches_directory(const Change& change, InodeId directory) {
  return change.kind == Change::Kind::entry &&
         std::ranges::any_of(change.effects,
                             [&](const Effect& effect) { return effect.directory == directory; });
}

bool is_about(const Change& change, InodeId inode) {
  return change.inode == inode;
}

bool is_in(const Change& change, InodeId directory) {
  return touches_directory(change, directory) ||
         (change.kind != Change::Kind::entry && change.inode == directory);
}

/// Makes the inode with the first of its names that reaches the disk.
void bear(Tree& tree, InodeId inode, const std::vector<Pending>& log) {
  if (inode == no_inode || tree.contains(inode)) return;
  for (const Pending& pending : log) {
    if (pending.change->inode == inode && pending.change->born) {
      tree.insert(inode, *pending.change->born);
      return;
    }
  }
}

}  // namespace

void Change::compute_hash() {
  hash = mix(static_cast<std::uint64_t>(kind), inode);
  for (const Effect& effect : effects) {
    hash = mix(mix(hash, hash_text(effect.name)),
               (std::uint64_t{effect.directory} << 32U) | effect.child);
  }
  if (born) hash = mix(hash, born->hash());
  hash = mix(hash, mix(mode, (std::uint64_t{owner} << 32U) | group));
  if (xattrs) {
    for (const Xattr& xattr : *xattrs) {
      hash =
          mix(mix(hash, hash_text(xattr.name)), hash_bytes(xattr.value.data(), xattr.value.size()));
    }
  }
  if (is_content()) hash = mix(mix(hash, offset), hash_bytes(bytes.data(), bytes.size()));
}

void apply(Tree& tree, const Change& change, const std::vector<Pending>& log) {
  if (change.kind == Change::Kind::entry) {
    for (const Effect& effect : change.effects) {
      bear(tree, effect.directory, log);
      if (effect.child == no_inode) {
        tree.remove_entry(effect.directory, effect.name);
      } else {
        bear(tree, effect.child, log);
        tree.set_entry(effect.directory, effect.name, effect.child);
      }
    }
    return;
  }
  bear(tree, change.inode, log);
  // it lost its last name, and somebody still had it open
  if (!tree.contains(change.inode)) return;
  switch (change.kind) {
    case Change::Kind::entry:
      break;
    case Change::Kind::mode:
      tree.edit(change.inode).mode = change.mode;
      break;
    case Change::Kind::owner: {
      Inode& inode = tree.edit(change.inode);
      inode.owner = change.owner;
      inode.group = change.group;
      inode.mode &= change.mode;
      break;
    }
    case Change::Kind::xattr:
      tree.edit(change.inode).xattrs = change.xattrs;
      break;
    case Change::Kind::size: {
      if (tree.find(change.inode)->size() >= change.offset) break;
      tree.edit_data(change.inode).resize(in_memory(change.offset));
      break;
    }
    case Change::Kind::write: {
      Buffer& data = tree.edit_data(change.inode);
      if (data.size() < change.offset + change.bytes.size()) {
        data.resize(in_memory(change.offset + change.bytes.size()));
      }
      std::ranges::copy(change.bytes, data.begin() + static_cast<std::ptrdiff_t>(change.offset));
      tree.heal(change.inode, change.offset, change.bytes.size());
      tree.edit(change.inode).mtime_ns = change.time_ns;
      break;
    }
  }
}

namespace {

Tree mounted_anew(const Disk& before, Tree tree) {
  if (before.renumbering == Renumbering::none) return tree;
  tree.renumber(before.clock_ns + tick_ns, before.renumbering == Renumbering::everything);
  return tree;
}

}  // namespace

Disk::Disk(const Disk& before, Tree tree)
    : preset(before.preset),
      visible(mounted_anew(before, std::move(tree))),
      next_inode(before.next_inode),
      next_change(before.next_change),
      clock_ns(before.clock_ns),
      clock_stands(before.clock_stands),
      renumbering(before.renumbering) {
  pass_tick();
}

Disk Disk::after_crash(Tree tree) const {
  return {*this, std::move(tree)};
}

Disk Disk::fork() {
  (void)visible.fork();  // later changes must not reach the parts that the copy shares
  (void)base.fork();
  return *this;
}

void Disk::issue(Change change) {
  ++revision;
  change.number = next_change++;
  change.compute_hash();
  auto shared = std::make_shared<const Change>(std::move(change));
  log.push_back({.change = shared});
  apply(visible, *shared, log);
}

void Disk::reach(bool (*concerns)(const Change&, InodeId), InodeId inode) {
  // In a journal everything before the last requested change is synced, too.
  for (std::size_t i = log.size(); i-- > 0;) {
    if (log[i].durable || !concerns(*log[i].change, inode)) continue;
    for (std::size_t j = 0; j <= i; ++j) {
      if (!log[j].is_torn(*preset)) log[j].durable = true;
    }
    return;
  }
}

void Disk::sync_file(InodeId inode) {
  if (journal_failed) return;
  if (preset->ordered && !preset->sync_overtakes) reach(&is_about, inode);
  for (Pending& pending : log) {
    if (pending.change->inode != inode || pending.doomed) continue;
    if (pending.change->kind != Change::Kind::entry) {
      pending.durable = true;
    } else if (preset->sync_overtakes) {
      pending.loose = true;  // its name may have gone into the log with it
    }
  }
  compact();
}

void Disk::sync_directory(InodeId directory) {
  if (journal_failed) return;
  if (preset->ordered && !preset->sync_overtakes) reach(&is_in, directory);
  for (Pending& pending : log) {
    if (is_in(*pending.change, directory) && !pending.doomed) pending.durable = true;
  }
  compact();
}

void Disk::sync_file_system() {
  if (journal_failed) return;
  for (Pending& pending : log) {
    const bool stays = preset->sync_of_all_leaves_overwritten && is_overwriting(pending);
    pending.durable = pending.durable || (!pending.doomed && !stays);
  }
  compact();
}

bool Disk::is_overwriting(const Pending& pending) const {
  const Change& change = *pending.change;
  if (change.kind != Change::Kind::write || !base.contains(change.inode)) return false;
  std::uint64_t size = base.find(change.inode)->size();
  for (const Pending& other : log) {
    if (!other.durable || other.change->inode != change.inode || !other.change->is_content()) {
      continue;
    }
    size = std::max<std::uint64_t>(size, other.change->offset + other.change->bytes.size());
  }
  return change.offset + change.bytes.size() <= size;
}

void Disk::sync_data(InodeId inode) {
  if (journal_failed) return;
  for (Pending& pending : log) {
    if (is_about(*pending.change, inode) && pending.change->is_content() && !pending.doomed) {
      pending.durable = true;
    }
  }
  compact();
}

void Disk::sync_changes(std::uint64_t from) {
  if (journal_failed) return;
  for (Pending& pending : log) {
    pending.durable = pending.durable || pending.change->number >= from;
  }
  compact();
}

void Disk::await_data(InodeId inode) {
  if (!preset->awaited_ordered || journal_failed) return;
  ++revision;
  // Uses iterators, not a range: clang 14 does not understand libstdc++'s subrange.
  const auto moved = std::stable_partition(log.begin(), log.end(), [&](const Pending& pending) {
    return pending.durable || pending.doomed || pending.change->inode != inode ||
           pending.change->kind != Change::Kind::write;
  });
  std::for_each(moved, log.end(), [](Pending& pending) { pending.awaited = true; });
}

void Disk::sync_all() {
  ++revision;
  log.clear();
  base = visible.fork();
}

void Disk::doom(InodeId inode) {
  ++revision;
  for (Pending& pending : log) {
    // A journal that goes on after an error writes metadata later; lost pages are marked clean.
    if (pending.durable || (preset->ordered && !pending.is_torn(*preset))) continue;
    if (is_about(*pending.change, inode) ? pending.change->kind != Change::Kind::entry
                                         : touches_directory(*pending.change, inode)) {
      pending.doomed = true;
    }
  }
}

void Disk::doom_all() {
  ++revision;
  for (Pending& pending : log) {
    if (!pending.durable && (!preset->ordered || pending.is_torn(*preset))) pending.doomed = true;
  }
}

std::set<InodeId> Disk::doom_content() {
  ++revision;
  std::set<InodeId> doomed;
  for (Pending& pending : log) {
    if (pending.durable || pending.doomed || pending.change->kind != Change::Kind::write) continue;
    if (!pending.is_torn(*preset)) continue;  // a journal has it, or its writeback was awaited
    pending.doomed = true;
    doomed.insert(pending.change->inode);
  }
  return doomed;
}

/// 0 of a file that nobody knows.
std::uint64_t Disk::number_of(InodeId inode) const {
  if (const Inode* found = base.find(inode)) return found->number;
  const auto made = std::ranges::find_if(log, [&](const Pending& pending) {
    return pending.change->born && pending.change->inode == inode;
  });
  return made == log.end() ? 0 : made->change->born->number;
}

std::optional<Reuse> Disk::reuse_of(const Change& change) const {
  for (const Effect& effect : change.effects) {
    if (effect.child == no_inode || base.contains(effect.child)) continue;
    const Reuse reuse{effect.child, number_of(effect.child)};
    const bool in_base = std::ranges::any_of(
        base.inodes(), [&](const auto& slot) { return slot.second->number == reuse.number; });
    const bool in_log = std::ranges::any_of(log, [&](const Pending& pending) {
      return pending.change->born && pending.change->inode < reuse.file &&
             pending.change->born->number == reuse.number;
    });
    if (reuse.number != 0 && (in_base || in_log)) return reuse;
  }
  return {};
}

/// The file that had the name before that change of the log.
InodeId Disk::child_before(std::size_t at, const Effect& effect) const {
  while (at-- > 0) {
    for (const Effect& earlier : log[at].change->effects) {
      if (earlier.directory == effect.directory && earlier.name == effect.name) {
        return earlier.child;
      }
    }
  }
  const Inode* directory = base.find(effect.directory);
  if (directory == nullptr || !directory->entries) return no_inode;
  const auto found = std::ranges::find(*directory->entries, effect.name, &Entry::name);
  return found == directory->entries->end() ? no_inode : found->inode;
}

bool Disk::frees_number(std::size_t at, const Reuse& reuse) const {
  return std::ranges::any_of(log[at].change->effects, [&](const Effect& effect) {
    const InodeId before = child_before(at, effect);
    return before != no_inode && before != effect.child && before != reuse.file &&
           number_of(before) == reuse.number;
  });
}

namespace {

/// Tells, as Disk::reuse_of does, which file has an older one's number, for many changes of one
/// log.
class Numbers {
 public:
  explicit Numbers(const Disk& disk) {
    for (const auto& slot : disk.base.inodes()) oldest_[slot.second->number] = no_inode;
    for (const Pending& pending : disk.log) {
      if (!pending.change->born) continue;
      const std::uint64_t number = pending.change->born->number;
      born_.emplace(pending.change->inode, number);
      const auto known = oldest_.emplace(number, pending.change->inode).first;
      known->second = std::min(known->second, pending.change->inode);
    }
  }

  [[nodiscard]] std::optional<Reuse> reuse_of(const Change& change) const {
    for (const Effect& effect : change.effects) {
      const auto born = born_.find(effect.child);
      if (born == born_.end() || born->second == 0) continue;
      if (oldest_.at(born->second) < effect.child) return Reuse{effect.child, born->second};
    }
    return {};
  }

 private:
  std::unordered_map<InodeId, std::uint64_t> born_;    ///< Numbers of the files of the log.
  std::unordered_map<std::uint64_t, InodeId> oldest_;  ///< By number; no_inode: it is in the base.
};

}  // namespace

/// If a new file is durable and has the number of an older one, the changes that took the older
/// one's names are durable, too.
void Disk::free_numbers() {
  if (std::ranges::all_of(log, &Pending::durable)) return;
  const Numbers numbers(*this);
  for (std::size_t i = log.size(); i-- > 0;) {
    if (!log[i].durable) continue;
    const auto reuse = numbers.reuse_of(*log[i].change);
    if (!reuse) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (!log[j].durable && frees_number(j, *reuse)) log[j].durable = true;
    }
  }
}

void Disk::compact() {
  ++revision;
  free_numbers();
  const auto first = std::ranges::find(log, false, &Pending::durable);
  if (first == log.begin()) return;
  for (auto at = log.begin(); at != first; ++at) apply(base, *at->change, log);
  log.erase(log.begin(), first);
  // Removes files that lost their last name for good, unless a pending change still refers to them.
  if (log.empty()) base.drop_unreachable();
}

std::uint64_t Disk::hash() const {
  std::uint64_t hash = mix(visible.hash(), journal_failed ? 1U : 0U);
  if (log.empty()) return hash;
  hash = mix(hash, base.hash());
  for (const Pending& pending : log) {
    hash = mix(hash, pending.change->hash);
    hash = mix(hash, (pending.durable ? 1U : 0U) | (pending.doomed ? 2U : 0U) |
                         (pending.loose ? 4U : 0U) | (pending.awaited ? 8U : 0U));
  }
  return hash;
}

namespace {

std::string path_in(const Disk& disk, InodeId directory, const std::string& name) {
  std::string path = disk.visible.path_of(directory);
  if (path.empty()) path = disk.base.path_of(directory);
  return path == "/" ? name : path + "/" + name;
}

std::string name_of(const Disk& disk, InodeId inode) {
  std::string path = disk.visible.path_of(inode);
  if (!path.empty()) return path;
  for (auto at = disk.log.rbegin(); at != disk.log.rend(); ++at) {
    for (const Effect& effect : at->change->effects) {
      if (effect.child == inode) return path_in(disk, effect.directory, effect.name);
    }
  }
  path = disk.base.path_of(inode);
  return path.empty() ? "a file without a name" : path;
}

std::string describe_entry(const Change& change, const Disk& disk) {
  std::string gained;
  std::string lost;
  for (const Effect& effect : change.effects) {
    std::string& list = effect.child == no_inode ? lost : gained;
    if (!list.empty()) list += " and ";
    list += path_in(disk, effect.directory, effect.name);
  }
  if (change.born) {
    return (change.born->type == FileType::directory ? "make directory " : "create ") + gained;
  }
  if (gained.empty()) return "remove " + lost;
  return lost.empty() ? "link " + gained : "rename " + lost + " to " + gained;
}

}  // namespace

std::string summary(const Change& change, const Disk& disk) {
  switch (change.kind) {
    case Change::Kind::entry:
      return describe_entry(change, disk);
    case Change::Kind::mode:
      return "mode of " + name_of(disk, change.inode);
    case Change::Kind::owner:
      return "owner of " + name_of(disk, change.inode);
    case Change::Kind::xattr:
      return "attributes of " + name_of(disk, change.inode);
    case Change::Kind::size:
      return "size " + std::to_string(change.offset) + " of " + name_of(disk, change.inode);
    case Change::Kind::write:
      break;
  }
  return "write " + std::to_string(change.bytes.size()) + " bytes at " +
         std::to_string(change.offset) + " of " + name_of(disk, change.inode);
}

}  // namespace perdure::testing
