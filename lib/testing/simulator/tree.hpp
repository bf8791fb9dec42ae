// SPDX-License-Identifier: BSL-1.0
// A tree of files in memory that is cheap to copy: copies share what neither of them changes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure::testing {

/// Names a file within the simulation, forever. Inode numbers are reused, these are not.
using InodeId = std::uint32_t;
inline constexpr InodeId no_inode = 0;
inline constexpr InodeId root_inode = 1;

/// Well mixed; for hashes that are compared, not for input that an attacker may choose.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t word = a * 0x9e3779b97f4a7c15U + (b ^ 0xd6e8feb86659fd93U);
  word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31U);
}
std::uint64_t hash_bytes(const void* bytes, std::size_t size) noexcept;
inline std::uint64_t hash_text(std::string_view text) noexcept {
  return hash_bytes(text.data(), text.size());
}

/// A hash that is computed once. Threads that share a frozen object may both compute it.
class LazyHash {
 public:
  LazyHash() = default;
  LazyHash(const LazyHash& other) noexcept : value_(other.value_.load(std::memory_order_relaxed)) {}
  LazyHash& operator=(const LazyHash&) = delete;
  ~LazyHash() = default;
  void reset() noexcept { value_.store(0, std::memory_order_relaxed); }
  template <class Compute>
  std::uint64_t get(Compute compute) const {
    std::uint64_t value = value_.load(std::memory_order_relaxed);
    if (value == 0) {
      value = compute() | 1U;  // 0 means "not yet"
      value_.store(value, std::memory_order_relaxed);
    }
    return value;
  }

 private:
  mutable std::atomic<std::uint64_t> value_{0};
};

constexpr std::uint64_t block_size = 4096;

/// Content of a file.
struct Blob {
  Buffer bytes;
  std::vector<std::uint64_t> unreadable;  // blocks, ascending
  std::uint64_t epoch = 0;                // of the tree that may still change it in place
  LazyHash lazy_hash;
  [[nodiscard]] std::uint64_t hash() const {
    return lazy_hash.get([this] {
      std::uint64_t hash = hash_bytes(bytes.data(), bytes.size());
      for (const std::uint64_t block : unreadable) hash = mix(hash, block);
      return hash;
    });
  }
};

struct Entry {
  std::string name;
  std::uint64_t name_hash = 0;
  InodeId inode = no_inode;
};
using Entries = std::vector<Entry>;  // sorted by name

struct Xattr {
  std::string name;
  Buffer value;
};
using Xattrs = std::vector<Xattr>;  // sorted by name

struct Inode {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  bool immutable = false;
  bool mount_point = false;
  std::uint32_t device = 1;
  std::uint64_t number = 0;  // what stat says; reused
  std::int64_t birth_ns = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::shared_ptr<Blob> data;              // never null for a regular file; of a symlink its text
  std::shared_ptr<const Entries> entries;  // never null for a directory
  std::shared_ptr<const Xattrs> xattrs;    // null when there are none
  std::uint64_t epoch = 0;
  LazyHash lazy_hash;

  [[nodiscard]] std::uint64_t size() const { return data ? data->bytes.size() : 0; }
  /// Type, permissions, attributes and content; no times and no numbers.
  [[nodiscard]] std::uint64_t hash() const;
};

/// All inodes of a file system and the names that they have.
///
/// Copying is the cost of copying a vector of pointers. A tree that is still being changed is
/// copied by `fork`, so that neither changes what both share.
class Tree {
 public:
  /// With an empty root directory.
  Tree();
  Tree(const Tree& frozen) : inodes_(frozen.inodes_), epoch_(new_epoch()) {}
  Tree(Tree&&) noexcept = default;
  Tree& operator=(const Tree& frozen) {
    inodes_ = frozen.inodes_;
    epoch_ = new_epoch();
    return *this;
  }
  Tree& operator=(Tree&&) noexcept = default;
  ~Tree() = default;

  Tree fork() {
    epoch_ = new_epoch();
    return *this;
  }

  [[nodiscard]] const Inode* find(InodeId id) const noexcept;
  [[nodiscard]] bool contains(InodeId id) const noexcept { return find(id) != nullptr; }
  /// The inode, for changing it now; it must exist.
  Inode& edit(InodeId id);
  /// Its content, for changing it now.
  Buffer& edit_data(InodeId id);
  void set_data(InodeId id, std::shared_ptr<Blob> blob);
  /// Makes blocks unreadable, until they are written anew.
  void spoil(InodeId id, std::uint64_t offset, std::uint64_t length);
  void heal(InodeId id, std::uint64_t offset, std::uint64_t length);
  void insert(InodeId id, const Inode& inode);
  void erase(InodeId id);

  [[nodiscard]] InodeId lookup(InodeId directory, std::string_view name) const noexcept;
  /// Gives `child` the name, whoever had it before. A missing directory is not an error: nothing
  /// happens.
  void set_entry(InodeId directory, const std::string& name, InodeId child);
  void remove_entry(InodeId directory, const std::string& name);
  /// How many names lead to the inode.
  [[nodiscard]] std::uint64_t links(InodeId id) const noexcept;
  /// A path from the root to the inode; empty if there is none.
  [[nodiscard]] std::string path_of(InodeId id) const;

  /// Drops inodes to which no path from the root leads, and gives inodes with the same number
  /// numbers of their own. A file system check would leave the same.
  void drop_unreachable();
  /// Gives each file, and with `directories` each directory but the root, the number of another
  /// one; a single one gets an unused number. Makes `time_ns` its birth and its ctime.
  void renumber(std::int64_t time_ns, bool directories);
  /// Equal for trees with the same paths, hard links, content and metadata.
  [[nodiscard]] std::uint64_t hash() const;
  /// The lowest number that no inode has.
  [[nodiscard]] std::uint64_t free_number() const;

  [[nodiscard]] const std::vector<std::pair<InodeId, std::shared_ptr<Inode>>>& inodes()
      const noexcept {
    return inodes_;
  }

 private:
  using Slot = std::pair<InodeId, std::shared_ptr<Inode>>;
  static std::uint64_t new_epoch() noexcept;
  [[nodiscard]] std::vector<Slot>::const_iterator position(InodeId id) const noexcept;

  std::vector<Slot> inodes_;  // sorted by id
  std::uint64_t epoch_ = 0;
};

}  // namespace perdure::testing
