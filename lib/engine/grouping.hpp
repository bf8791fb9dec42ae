// SPDX-License-Identifier: BSL-1.0
// Commits that can share a sync, found by the device and the directory of their targets.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <perdure/pipeline/commit.hpp>

namespace perdure {

/// Groups commits by device and directory. It allocates its memory when it is made, so that the
/// leader of a group allocates nothing.
class Grouping {
 public:
  /// Has room for so many commits.
  explicit Grouping(std::size_t commits_max);

  /// Commits whose targets lie on one device.
  struct Device {
    BatchedCommits members;  ///< Commits into one directory stand together.
    std::span<const BatchedCommits> directories;
    BatchedCommit* last = nullptr;  ///< The one that was given last.
  };

  /// Ordered by the first appearance of each device and directory in `members`, of which there must
  /// be room for all. A commit whose directory can't be identified shares it with commits that have
  /// the same handle. If all have one handle, no stat is made. Valid until the next call.
  std::span<const Device> group(BatchedCommits members);

 private:
  /// A directory that some commits have open.
  struct Opened {
    FileSystem* files;
    Handle handle;
    std::optional<Version> version;
    std::size_t device;
    std::size_t directory;
  };
  struct Entry {
    BatchedCommit* member;
    std::size_t opened;
    std::size_t order;
  };

  std::size_t opened_by(const BatchedCommit& member);
  void identify();
  void divide();

  std::vector<Opened> opened_;
  std::vector<Entry> entries_;
  std::vector<BatchedCommit*> members_;
  std::vector<BatchedCommits> directories_;
  std::vector<Device> devices_;
};

}  // namespace perdure
