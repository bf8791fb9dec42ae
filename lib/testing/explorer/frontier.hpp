// SPDX-License-Identifier: BSL-1.0
// The distinct states that one more crash leads to.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "testing/explorer/runner.hpp"

namespace perdure::testing {

/// The origin of a state: the node of the previous level, its crash point, and which of that
/// point's states it is. 0: the kill.
struct Origin {
  std::uint32_t parent = 0;
  std::uint32_t point = 0;
  std::uint32_t ordinal = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): the compiler's own code, misread
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

struct Node {
  Origin origin;
  Disk disk;
  History history;
  std::uint32_t variant = 0;
  std::uint64_t hash = 0;
};

/// Collects nodes from several threads. Of equal ones it keeps the one with the least origin, so
/// that the outcome does not depend on the order of threads.
class Frontier {
 public:
  void offer(std::uint64_t hash, const Origin& origin, std::uint32_t variant, Disk&& disk,
             const History& history) {
    Shard& shard = shards_[static_cast<std::size_t>(hash % shards_.size())];
    const std::scoped_lock lock(shard.mutex);
    if (shard.seen.contains(hash)) return;
    const auto known = shard.fresh.find(hash);
    if (known == shard.fresh.end()) {
      shard.fresh.emplace(hash, Node{origin, std::move(disk), history, variant, hash});
      ++size_;
    } else if (std::pair(variant, origin) <
               std::pair(known->second.variant, known->second.origin)) {
      known->second = Node{origin, std::move(disk), history, variant, hash};
    }
  }

  /// How many distinct states were offered since the last `take`.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The nodes of the level that ends, in the order of their origins.
  std::vector<Node> take();

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_set<std::uint64_t> seen;
    std::unordered_map<std::uint64_t, Node> fresh;
  };
  std::array<Shard, 64> shards_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace perdure::testing
