// SPDX-License-Identifier: BSL-1.0
// Finds the parts that two contents share, by blocks of the base, as rsync does (Tridgell:
// Efficient Algorithms for Sorting and Synchronization, 1999, chapter 3).
#include "log/edits.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace perdure {
namespace {

/// So many equal bytes make two places count as the same.
constexpr std::size_t run_min = 32;
/// How far to look for the end of a change in place.
constexpr std::size_t run_distance_max = 65536;
constexpr std::size_t block_size = 64;
/// How many looks to make for each byte of the two contents; after them the rest is inserted as it
/// is.
constexpr std::size_t work_factor = 32;
constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;

constexpr std::uint64_t power(std::uint64_t of, std::size_t exponent) {
  std::uint64_t result = 1;
  for (; exponent > 0; --exponent) result *= of;
  return result;
}

std::uint64_t value(std::byte byte) {
  return std::to_integer<std::uint64_t>(byte) + 1;
}

std::uint64_t block_hash(Bytes bytes) {
  std::uint64_t hash = 0;
  for (const std::byte byte : bytes.first(block_size)) hash = hash * multiplier + value(byte);
  return hash;
}

std::size_t common_prefix(Bytes a, Bytes b) {
  const std::size_t most = std::min(a.size(), b.size());
  const auto differing =
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin());
  return static_cast<std::size_t>(differing.first - a.begin());
}

std::size_t common_suffix(Bytes a, Bytes b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t size = 0;
  while (size < most && a[a.size() - 1 - size] == b[b.size() - 1 - size]) ++size;
  return size;
}

/// A place in both contents.
struct Place {
  std::size_t base = 0;
  std::size_t wanted = 0;
};

class Comparison {
 public:
  Comparison(Bytes base, Bytes wanted)
      : base_(base), wanted_(wanted), work_((base.size() + wanted.size()) * work_factor) {}

  std::vector<Edit> edits() {
    Place at;
    while (true) {
      const std::size_t same = common_prefix(base_.subspan(at.base), wanted_.subspan(at.wanted));
      at.base += same;
      at.wanted += same;
      if (at.base == base_.size() && at.wanted == wanted_.size()) return std::move(edits_);
      std::optional<Place> next;
      if (work_ > 0) next = in_place(at);
      if (!next && work_ > 0) next = moved(at);
      replace_until(at, next.value_or(Place{base_.size(), wanted_.size()}));
    }
  }

 private:
  /// The next place at which both go on equally, after a change in place.
  [[nodiscard]] std::optional<Place> in_place(const Place& from) {
    const Bytes base = base_.subspan(from.base);
    const Bytes wanted = wanted_.subspan(from.wanted);
    const std::size_t most = std::min({base.size(), wanted.size(), run_distance_max});
    std::size_t run = 0;
    for (std::size_t i = 0; i < most; ++i) {
      run = base[i] == wanted[i] ? run + 1 : 0;
      spend(1);
      if (run == run_min) return Place{from.base + i + 1 - run, from.wanted + i + 1 - run};
    }
    return std::nullopt;
  }

  /// A block of the base that comes somewhere in the rest of the wanted content.
  [[nodiscard]] std::optional<Place> moved(const Place& from) {
    const Bytes wanted = wanted_.subspan(from.wanted);
    if (wanted.size() < block_size) return std::nullopt;
    if (blocks_.empty()) index();
    static constexpr std::uint64_t leaving = power(multiplier, block_size - 1);
    std::uint64_t hash = block_hash(wanted);
    for (std::size_t i = 0;; ++i) {
      spend(1);
      const auto block = blocks_.find(hash);
      const bool found = block != blocks_.end() && block->second >= from.base &&
                         std::ranges::equal(base_.subspan(block->second, block_size),
                                            wanted.subspan(i, block_size));
      if (found) return back_to(from, {block->second, from.wanted + i});
      if (i + block_size == wanted.size() || work_ == 0) return std::nullopt;
      hash = (hash - value(wanted[i]) * leaving) * multiplier + value(wanted[i + block_size]);
    }
  }

  void spend(std::size_t looks) { work_ -= std::min(work_, looks); }

  void index() {
    for (std::size_t at = 0; at + block_size <= base_.size(); at += block_size) {
      blocks_.insert_or_assign(block_hash(base_.subspan(at)), at);
    }
  }

  /// Moves a place back over the equal bytes before it.
  [[nodiscard]] Place back_to(const Place& from, Place place) const {
    while (place.base > from.base && place.wanted > from.wanted &&
           base_[place.base - 1] == wanted_[place.wanted - 1]) {
      --place.base;
      --place.wanted;
    }
    return place;
  }

  void replace_until(Place& at, const Place& next) {
    const Bytes inserted = wanted_.subspan(at.wanted, next.wanted - at.wanted);
    edits_.push_back({at.base, next.base - at.base, Buffer(inserted.begin(), inserted.end())});
    at = next;
  }

  Bytes base_;
  Bytes wanted_;
  std::vector<Edit> edits_;
  std::size_t work_;
  /// Blocks of the base, by hash. In a tree, contents that were made to collide cost no more.
  std::map<std::uint64_t, std::size_t> blocks_;
};

}  // namespace

std::vector<Edit> edits_between(Bytes base, Bytes wanted) {
  const std::size_t prefix = common_prefix(base, wanted);
  const std::size_t suffix = common_suffix(base.subspan(prefix), wanted.subspan(prefix));
  const auto middle = [&](Bytes of) { return of.subspan(prefix, of.size() - prefix - suffix); };
  std::vector<Edit> edits = Comparison(middle(base), middle(wanted)).edits();
  for (Edit& edit : edits) edit.offset += prefix;
  return edits;
}

bool fit(const std::vector<Edit>& edits, std::uint64_t base_size, std::uint64_t result_size) {
  std::uint64_t at = 0;
  std::uint64_t size = base_size;
  for (const Edit& edit : edits) {
    if (edit.offset < at || edit.offset > base_size || edit.removed > base_size - edit.offset) {
      return false;
    }
    at = edit.offset + edit.removed;
    size = size - edit.removed + edit.inserted.size();
  }
  return size == result_size;
}

Buffer edited(Bytes base, const std::vector<Edit>& edits) {
  Buffer result;
  std::size_t at = 0;
  const auto add = [&](Bytes bytes) { result.insert(result.end(), bytes.begin(), bytes.end()); };
  for (const Edit& edit : edits) {
    add(base.subspan(at, static_cast<std::size_t>(edit.offset) - at));
    add(edit.inserted);
    at = static_cast<std::size_t>(edit.offset + edit.removed);
  }
  add(base.subspan(at));
  return result;
}

}  // namespace perdure
