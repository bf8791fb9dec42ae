// SPDX-License-Identifier: BSL-1.0
// Finds syncs of no use, and syncs that a later one makes unnecessary.
#include "witness/costs.hpp"

#include <algorithm>

namespace crashlab {

std::vector<std::string> Costs::needless() const {
  std::vector<std::string> found;
  for (const SyncCost& sync : syncs_) {
    if (sync.needless()) found.push_back(sync.words);
  }
  return found;
}

std::size_t Costs::cheapest_fast() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < syncs_.size(); ++i) {
    if (syncs_[i].needless()) continue;
    // Each content that it promised gets its name by a later sync, before it changes again.
    const auto published_later = [&](Node node) {
      for (std::size_t later = i + 1; later < syncs_.size(); ++later) {
        if (syncs_[later].contents.contains(node)) return false;
        if (syncs_[later].names.contains(node)) return true;
      }
      return false;
    };
    const auto& contents = syncs_[i].contents;
    const auto& names = syncs_[i].names;
    const bool own_names =
        std::all_of(names.begin(), names.end(), [&](Node node) { return contents.contains(node); });
    const bool spared = !contents.empty() && own_names &&
                        std::all_of(contents.begin(), contents.end(), published_later);
    if (!spared) ++count;
  }
  return count;
}

}  // namespace crashlab
