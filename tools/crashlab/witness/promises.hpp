// SPDX-License-Identifier: BSL-1.0
// The promise of each kind of sync, and whether it was made before.
#pragma once

#include <cstdint>
#include <string>

#include "witness/costs.hpp"
#include "witness/history.hpp"

namespace crashlab {

/// The promises of one file system beyond those of all.
struct FileSystemRow {
  /// fsync of a file keeps the names that it has, and those of the directories above. On btrfs it
  /// does not keep them if an unrelated sync came between a rename and the fsync (docs/crashlab.md,
  /// Noise).
  bool file_sync_keeps_name = true;
};

/// Enters syncs that have just returned. They promise the tree at `seen`, and hold from the
/// history's present position on.
class Promises {
 public:
  Promises(FileSystemRow row, History& history, Costs& costs)
      : row_(row), history_(history), costs_(costs) {}

  /// fsync, or fdatasync, which leaves the names of the node itself out.
  void sync(Node node, Position seen, bool names_too);
  void all(Position seen);
  void content(Node node, Position seen, std::uint64_t from, std::uint64_t to);
  /// A synchronous write, which is the node's last version.
  void written(Node node, std::uint64_t from, std::uint64_t to);
  /// The names of a node and of the directories above, where the file system keeps them.
  void names(Node node, Position seen);

  /// The sync is entered; `words` say which it was. A crash may come from here on.
  void told(std::string words);

 private:
  void name(const Name& name, Position seen);
  void entries(Node directory, Position seen);

  FileSystemRow row_;
  History& history_;
  Costs& costs_;
  SyncCost cost_;
};

}  // namespace crashlab
