// SPDX-License-Identifier: BSL-1.0
// A tree of files that shares unchanged parts with its copies.
#include "testing/simulator/tree.hpp"

#include <algorithm>
#include <functional>

#include <xxhash.h>

#include "testing/simulator/in_memory.hpp"

namespace perdure::testing {

std::uint64_t hash_bytes(const void* bytes, std::size_t size) noexcept {
  return XXH3_64bits(bytes, size);
}

std::uint64_t Inode::hash() const {
  return lazy_hash.get([this] {
    std::uint64_t hash = mix(static_cast<std::uint64_t>(type), mode);
    hash = mix(hash, (std::uint64_t{owner} << 32U) | group);
    hash = mix(hash, (immutable ? 1U : 0U) | (mount_point ? 2U : 0U));
    if (xattrs) {
      for (const Xattr& xattr : *xattrs) {
        hash = mix(hash, hash_text(xattr.name));
        hash = mix(hash, hash_bytes(xattr.value.data(), xattr.value.size()));
      }
    }
    return data ? mix(hash, data->hash()) : hash;
  });
}

namespace {

Inode empty_directory() {
  Inode root;
  root.type = FileType::directory;
  root.mode = 0755;
  root.number = 2;
  root.entries = std::make_shared<const Entries>();
  return root;
}

template <class Rows>
auto by_name(Rows& rows, std::string_view name) {
  return std::lower_bound(rows.begin(), rows.end(), name,
                          [](const auto& row, std::string_view key) { return row.name < key; });
}

}  // namespace

Tree::Tree() : epoch_(new_epoch()) {
  insert(root_inode, empty_directory());
}

std::uint64_t Tree::new_epoch() noexcept {
  // Each thread takes blocks of numbers, since one shared counter would slow a search down most.
  static std::atomic<std::uint64_t> blocks{0};
  constexpr std::uint64_t numbers_taken = 1U << 20U;
  thread_local std::uint64_t next = 0;
  if (next % numbers_taken == 0)
    next = blocks.fetch_add(1, std::memory_order_relaxed) * numbers_taken;
  return ++next;
}

std::vector<Tree::Slot>::const_iterator Tree::position(InodeId id) const noexcept {
  return std::lower_bound(inodes_.begin(), inodes_.end(), id,
                          [](const Slot& slot, InodeId key) { return slot.first < key; });
}

const Inode* Tree::find(InodeId id) const noexcept {
  const auto at = position(id);
  return at == inodes_.end() || at->first != id ? nullptr : at->second.get();
}

Inode& Tree::edit(InodeId id) {
  auto& slot = inodes_[static_cast<std::size_t>(position(id) - inodes_.begin())].second;
  if (slot->epoch != epoch_) {
    slot = std::make_shared<Inode>(*slot);
    slot->epoch = epoch_;
  }
  slot->lazy_hash.reset();
  return *slot;
}

Buffer& Tree::edit_data(InodeId id) {
  Inode& inode = edit(id);
  if (inode.data->epoch != epoch_) {
    inode.data = std::make_shared<Blob>(*inode.data);
    inode.data->epoch = epoch_;
  }
  inode.data->lazy_hash.reset();
  return inode.data->bytes;
}

void Tree::set_data(InodeId id, std::shared_ptr<Blob> blob) {
  edit(id).data = std::move(blob);
}

void Tree::spoil(InodeId id, std::uint64_t offset, std::uint64_t length) {
  (void)edit_data(id);
  std::vector<std::uint64_t>& blocks = edit(id).data->unreadable;
  for (std::uint64_t at = offset; at < offset + length; at = (at / block_size + 1) * block_size) {
    if (std::ranges::find(blocks, at / block_size) == blocks.end()) {
      blocks.push_back(at / block_size);
    }
  }
  std::ranges::sort(blocks);
}

void Tree::heal(InodeId id, std::uint64_t offset, std::uint64_t length) {
  if (find(id)->data->unreadable.empty()) return;
  (void)edit_data(id);
  std::erase_if(edit(id).data->unreadable, [&](std::uint64_t block) {
    return offset < (block + 1) * block_size && block * block_size < offset + length;
  });
}

void Tree::insert(InodeId id, const Inode& inode) {
  auto copy = std::make_shared<Inode>(inode);
  copy->epoch = epoch_;
  copy->lazy_hash.reset();
  inodes_.emplace(position(id), id, std::move(copy));
}

void Tree::erase(InodeId id) {
  if (const auto at = position(id); at != inodes_.end() && at->first == id) inodes_.erase(at);
}

InodeId Tree::lookup(InodeId directory, std::string_view name) const noexcept {
  const Inode* inode = find(directory);
  if (inode == nullptr || !inode->entries) return no_inode;
  const auto at = by_name(*inode->entries, name);
  return at == inode->entries->end() || at->name != name ? no_inode : at->inode;
}

void Tree::set_entry(InodeId directory, const std::string& name, InodeId child) {
  if (!contains(directory)) return;
  Inode& inode = edit(directory);
  auto entries = std::make_shared<Entries>();
  entries->reserve(inode.entries->size() + 1);
  const auto at = by_name(*inode.entries, name);
  entries->assign(inode.entries->begin(), at);
  entries->push_back({name, hash_text(name), child});
  const bool taken = at != inode.entries->end() && at->name == name;
  entries->insert(entries->end(), taken ? std::next(at) : at, inode.entries->end());
  inode.entries = std::move(entries);
}

void Tree::remove_entry(InodeId directory, const std::string& name) {
  if (lookup(directory, name) == no_inode) return;
  Inode& inode = edit(directory);
  auto entries = std::make_shared<Entries>(*inode.entries);
  entries->erase(by_name(*entries, name));
  inode.entries = std::move(entries);
}

std::uint64_t Tree::links(InodeId id) const noexcept {
  std::uint64_t count = 0;
  for (const auto& slot : inodes_) {
    if (!slot.second->entries) continue;
    count +=
        static_cast<std::uint64_t>(std::ranges::count(*slot.second->entries, id, &Entry::inode));
  }
  return count;
}

std::string Tree::path_of(InodeId id) const {
  std::string found;
  const std::function<bool(InodeId, const std::string&, int)> visit =
      [&](InodeId at, const std::string& path, int depth) {
        if (at == id) {
          found = path.empty() ? "/" : path;
          return true;
        }
        const Inode* inode = find(at);
        if (inode == nullptr || !inode->entries || depth > 64) return false;
        return std::ranges::any_of(*inode->entries, [&](const Entry& entry) {
          return visit(entry.inode, path.empty() ? entry.name : path + "/" + entry.name, depth + 1);
        });
      };
  visit(root_inode, "", 0);
  return found;
}

void Tree::drop_unreachable() {
  thread_local std::vector<InodeId> reached;
  reached.assign(1, root_inode);
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const Inode* inode = find(reached[i]);
    if (inode == nullptr || !inode->entries) continue;
    for (const Entry& entry : *inode->entries) {
      if (std::ranges::find(reached, entry.inode) == reached.end()) reached.push_back(entry.inode);
    }
  }
  if (reached.size() != inodes_.size()) {
    std::erase_if(inodes_, [&](const Slot& slot) {
      return std::ranges::find(reached, slot.first) == reached.end();
    });
  }
  for (std::size_t i = 1; i < inodes_.size(); ++i) {
    const auto same = [&](const Slot& slot) {
      return slot.second->number == inodes_[i].second->number;
    };
    if (std::any_of(inodes_.begin(), inodes_.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      const std::uint64_t number = free_number();
      edit(inodes_[i].first).number = number;
    }
  }
}

void Tree::renumber(std::int64_t time_ns, bool directories) {
  std::vector<InodeId> renumbered;
  for (const auto& [id, inode] : inodes_) {
    if (id == root_inode || (inode->entries && !directories)) continue;
    renumbered.push_back(id);
  }
  std::vector<std::uint64_t> numbers;
  numbers.reserve(renumbered.size());
  for (const InodeId id : renumbered) numbers.push_back(find(id)->number);
  if (numbers.size() == 1) numbers.front() = free_number();
  if (numbers.size() > 1) {  // numbers are exchanged in another way at each mount
    constexpr std::uint64_t change_ns = 1'000'000;
    const std::uint64_t turn = mix(static_cast<std::uint64_t>(time_ns) / change_ns, 1);
    const auto first = static_cast<std::ptrdiff_t>(1 + turn % (numbers.size() - 1));
    std::rotate(numbers.begin(), numbers.begin() + first, numbers.end());
  }
  for (std::size_t i = 0; i < renumbered.size(); ++i) {
    Inode& inode = edit(renumbered[i]);
    inode.number = numbers[i];
    inode.birth_ns = inode.ctime_ns = time_ns;
  }
}

std::uint64_t Tree::free_number() const {
  constexpr std::uint64_t first = 11;  // as ext4, whose lower ones are reserved
  thread_local std::vector<bool> taken;
  taken.assign(inodes_.size() + 1, false);
  for (const auto& slot : inodes_) {
    const std::uint64_t number = slot.second->number;
    if (number >= first && number - first < taken.size()) taken[in_memory(number - first)] = true;
  }
  return first + static_cast<std::uint64_t>(std::ranges::find(taken, false) - taken.begin());
}

std::uint64_t Tree::hash() const {
  // A file counts by the set of its names, so that hard links are seen and their order is not.
  thread_local std::vector<std::uint64_t> names;
  thread_local std::vector<std::pair<InodeId, std::uint64_t>> directories;
  names.assign(inodes_.size(), 0);
  directories.assign(1, {root_inode, 1});
  std::uint64_t total = find(root_inode)->hash();
  for (std::size_t i = 0; i < directories.size(); ++i) {
    const auto [id, path_hash] = directories[i];
    const Inode* inode = find(id);
    if (inode == nullptr || directories.size() > 4 * inodes_.size()) continue;
    for (const Entry& entry : *inode->entries) {
      const auto at = position(entry.inode);
      if (at == inodes_.end() || at->first != entry.inode) continue;
      const std::uint64_t name_hash = mix(path_hash, entry.name_hash);
      names[static_cast<std::size_t>(at - inodes_.begin())] += name_hash;
      if (at->second->entries) directories.emplace_back(entry.inode, name_hash);
    }
  }
  for (std::size_t i = 0; i < inodes_.size(); ++i) {
    if (names[i] != 0) total += mix(names[i], inodes_[i].second->hash());
  }
  return total;
}

}  // namespace perdure::testing
