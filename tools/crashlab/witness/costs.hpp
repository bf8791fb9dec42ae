// SPDX-License-Identifier: BSL-1.0
// Counts a workload's syncs, and those that it could have left out.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "witness/history.hpp"

namespace crashlab {

/// A sync that returned success, and its promises that no earlier one had made.
struct SyncCost {
  std::string words;
  std::set<Node> contents;
  std::set<Node> names;  ///< nodes of which it promised a name, or whose removal
  bool needless() const { return contents.empty() && names.empty(); }
};

class Costs {
 public:
  void add(SyncCost sync) { syncs_.push_back(std::move(sync)); }

  std::size_t syncs() const { return syncs_.size(); }
  /// The words of the syncs that promised nothing new.
  std::vector<std::string> needless() const;
  /// The fewest syncs for the same promises by the order "sync the content, publish, sync the
  /// directory".
  std::size_t cheapest() const { return syncs() - needless().size(); }
  /// The same where a content that was only written and awaited may be published. There one sync
  /// promises content and name, as perdure's `fast` does on ext4 and xfs.
  std::size_t cheapest_fast() const;

 private:
  std::vector<SyncCost> syncs_;
};

}  // namespace crashlab
