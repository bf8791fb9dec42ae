// SPDX-License-Identifier: BSL-1.0
// A disk with its visible and its durable content, and the changes between the two.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <perdure/testing/limits.hpp>
#include <perdure/testing/preset.hpp>

#include "testing/simulator/tree.hpp"

namespace perdure::testing {

/// One name of a directory, set to `child` or removed (`no_inode`).
struct Effect {
  InodeId directory = no_inode;
  std::string name;
  InodeId child = no_inode;
};

/// The effect of one call on the disk. Immutable once it is in a log, and shared by all copies of
/// it.
struct Change {
  enum class Kind : std::uint8_t { entry, mode, owner, xattr, size, write };
  Kind kind = Kind::entry;
  std::uint64_t number = 0;     // of the change since the disk was made; names it in a reproducer
  InodeId inode = no_inode;     // whose metadata or content changes, or which file the names are of
  std::vector<Effect> effects;  // entry
  std::shared_ptr<const Inode> born;  // entry: the new inode, as it is before any other change
  std::uint32_t mode = 0;             // mode, owner (which clears bits)
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::shared_ptr<const Xattrs> xattrs;  // xattr: all that the inode has from now on
  std::uint64_t offset = 0;              // write; size: the new minimum
  Buffer bytes;                          // write
  std::int64_t time_ns = 0;              // write: the file's mtime from then on
  std::uint64_t hash = 0;

  [[nodiscard]] bool is_content() const noexcept {
    return kind == Kind::write || kind == Kind::size;
  }
  void compute_hash();
};

struct Pending {
  std::shared_ptr<const Change> change;
  bool durable = false;  // certain to be on the disk; kept only because an earlier one is not
  bool doomed = false;   // its sync failed: no later sync will write it
  bool loose = false;    // may be on the disk without changes that were ordered before it
  bool awaited = false;  // content that has its place in the order by now

  /// Whether it may survive in parts, and not only as a whole in an order.
  [[nodiscard]] bool is_torn(const Preset& preset) const noexcept {
    if (change->kind == Change::Kind::write) return !preset.content_ordered && !awaited;
    return change->kind == Change::Kind::size && !preset.ordered;
  }
};

/// Of a coarse clock; 250 in a second (CONFIG_HZ).
constexpr std::int64_t tick_ns = 4'000'000;

/// A new file with a number that an older one has, or had.
struct Reuse {
  InodeId file = no_inode;
  std::uint64_t number = 0;
};

/// All that outlives the process. A value; see Tree about copies.
struct Disk {
  explicit Disk(const Preset& rules) : preset(&rules) {}

  const Preset* preset;
  Tree visible;
  Tree base{visible.fork()};  // durable, except changes in `log`
  std::vector<Pending> log;
  InodeId next_inode = root_inode + 1;
  std::uint64_t next_change = 1;
  std::uint64_t revision = 0;  // changes when anything changes that a crash could show
  std::int64_t clock_ns = 1'000'000'000'000'000'000;
  bool clock_stands = false;  // all changes have one stamp, until the tick is over
  Renumbering renumbering = Renumbering::none;
  bool journal_failed = false;  // nothing becomes durable any more; until a power cut

  /// For a disk that is still being changed; see Tree::fork.
  Disk fork();

  /// Makes the change visible, and pending.
  void issue(Change change);
  /// The changes that the sync of a file or a directory makes durable, by the rules of the preset.
  void sync_file(InodeId inode);
  void sync_directory(InodeId directory);
  void sync_file_system();
  /// Content and size alone: fdatasync(2).
  void sync_data(InodeId inode);
  /// The changes from this number on.
  void sync_changes(std::uint64_t from);
  void sync_all();
  /// The file's content is in the disk's cache.
  void await_data(InodeId inode);
  /// The sync failed: the changes that it was to write are lost for good, though some may be on the
  /// disk.
  void doom(InodeId inode);
  void doom_all();
  /// The same for the content of all files that no sync has reached. Returns these files.
  std::set<InodeId> doom_content();

  /// The clock goes on: by a tick, to another stamp than any change had.
  void pass_tick() { clock_ns += tick_ns; }
  /// The disk with this tree on it, all of it durable, and mounted anew.
  [[nodiscard]] Disk after_crash(Tree tree) const;
  /// The effect of a kill: files without a name are gone.
  void drop_orphans() { visible.drop_unreachable(); }
  /// Equal for disks that look alike now and after any power cut.
  [[nodiscard]] std::uint64_t hash() const;
  [[nodiscard]] bool nothing_pending() const noexcept { return log.empty(); }
  /// The new file that the change names, if it has the number of an older one. No disk ever has
  /// both: the names of the older one are gone first.
  [[nodiscard]] std::optional<Reuse> reuse_of(const Change& change) const;
  /// Whether the change at `at` in the log takes a name from another file of this number.
  [[nodiscard]] bool frees_number(std::size_t at, const Reuse& reuse) const;

 private:
  Disk(const Disk& before, Tree tree);
  /// Whether it writes only within the durable part of its file.
  [[nodiscard]] bool is_overwriting(const Pending& pending) const;
  void reach(bool (*concerns)(const Change&, InodeId), InodeId inode);
  [[nodiscard]] std::uint64_t number_of(InodeId inode) const;
  [[nodiscard]] InodeId child_before(std::size_t at, const Effect& effect) const;
  void free_numbers();
  void compact();
};

/// Applies the change to the tree. `log` has the inodes that the tree may not have yet.
void apply(Tree& tree, const Change& change, const std::vector<Pending>& log);

/// Names one change for people, in one short line.
std::string summary(const Change& change, const Disk& disk);

}  // namespace perdure::testing
