// SPDX-License-Identifier: BSL-1.0
// Enumerates the tears of a file by the rules of a preset.
#include "testing/simulator/tears.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "testing/simulator/in_memory.hpp"
#include "testing/simulator/simulation.hpp"

namespace perdure::testing {

namespace {

std::byte byte_of(char source, std::uint64_t at, const Tear& tear, const Buffer& durable,
                  const Buffer& fresh) {
  switch (source) {
    case 'n':
      return at < fresh.size() ? fresh[in_memory(at)] : std::byte{0};
    case 'd':
      return at < durable.size() ? durable[in_memory(at)] : std::byte{0};
    case 'g':
    case 'u':
      return static_cast<std::byte>(mix(tear.inode, at / 8 * 8) >> (at % 8 * 8));
    case 'm':
      return byte_of(at % block_size < block_size / 2 ? 'n' : 'd', at, tear, durable, fresh);
    default:
      return std::byte{0};
  }
}

/// Whether these writes lie in complete blocks of the durable file: then no metadata that leads to
/// them changes, and no other block is touched.
bool overwrites_blocks(const std::vector<Extent>& written, std::uint64_t durable_size) {
  return std::ranges::all_of(written, [&](const Extent& extent) {
    return (extent.end + block_size - 1) / block_size * block_size <= durable_size;
  });
}

std::vector<std::uint64_t> tear_points(const Preset& preset, std::uint64_t durable_size,
                                       std::uint64_t fresh_size,
                                       const std::vector<Extent>& written) {
  std::vector<std::uint64_t> points{0, durable_size, fresh_size};
  for (const Extent& extent : written) points.push_back(extent.end);
  for (std::uint64_t at = block_size; at < fresh_size; at += block_size) points.push_back(at);
  if (preset.sizes == Preset::Sizes::any) {
    points.insert(points.end(), {1, 511, 512, 4095, 4096});
    if (fresh_size > 0) points.push_back(fresh_size - 1);
  }
  // A journal has the size of the durable content, so nothing of that is lost. A prefix is not a
  // size.
  const bool sized = preset.ordered && preset.sizes != Preset::Sizes::prefix;
  const std::uint64_t low = sized ? durable_size : 0;
  const std::uint64_t high = std::max(durable_size, fresh_size);
  std::erase_if(points, [&](std::uint64_t point) { return point < low || point > high; });
  std::ranges::sort(points, std::ranges::greater());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

class Collector {
 public:
  Collector(const Preset& preset, InodeId inode, const Buffer& durable, const Buffer& fresh)
      : preset_(preset), inode_(inode), durable_(durable), fresh_(fresh) {}

  void add(Tear tear) {
    tear.inode = inode_;
    auto blob = torn_content(tear, durable_, fresh_);
    if (seen_.insert(blob->hash()).second) all_.push_back({std::move(tear), std::move(blob)});
  }

  /// Everything below the cut is new, everything above is as it was, or not there.
  void prefixes(const std::vector<std::uint64_t>& points) {
    for (const std::uint64_t cut : points) {
      add({.size = std::max<std::uint64_t>(cut, durable_.size()),
           .cut = cut,
           .rest = 'd',
           .blocks = {}});
    }
  }

  /// Each size, with each block below it new or not; the block at its end is new.
  void holes(const std::vector<std::uint64_t>& points) {
    for (const std::uint64_t size : points) {
      const std::uint64_t count = (size + block_size - 1) / block_size;
      if (count == 0 || count > 10) {
        add({.size = size, .cut = size, .rest = 'd', .blocks = {}});
        continue;
      }
      const bool grown = size > durable_.size();
      for (std::uint64_t mask = std::uint64_t{1} << count; mask-- > 0;) {
        if (grown && (mask >> (count - 1) & 1U) == 0) continue;
        add({.size = size, .cut = 0, .rest = 'd', .blocks = letters(count, mask)});
      }
    }
  }

  /// Any size, with anything below it.
  void anything(const std::vector<std::uint64_t>& points) {
    std::string fills = "d";
    if (preset_.zeros) fills += 'z';
    if (preset_.garbage) fills += 'g';
    if (preset_.unreadable) fills += 'u';
    for (const std::uint64_t size : points)
      add({.size = size, .cut = size, .rest = 'd', .blocks = {}});
    for (const char fill : fills) {
      for (const std::uint64_t size : points)
        add({.size = size, .cut = 0, .rest = fill, .blocks = {}});
    }
    const std::uint64_t count = (fresh_.size() + block_size - 1) / block_size;
    for (std::uint64_t mask = 0; count > 1 && count <= 6 && mask < (std::uint64_t{1} << count);
         ++mask) {
      add({.size = fresh_.size(), .cut = 0, .rest = 'd', .blocks = letters(count, mask)});
    }
    for (const char fill : fills) {
      for (const std::uint64_t cut : points) {
        if (cut < fresh_.size()) {
          add({.size = fresh_.size(), .cut = cut, .rest = fill, .blocks = {}});
        }
      }
    }
    if (preset_.garbage) one_block('g', count);
    if (preset_.unreadable) one_block('u', count);
  }

  /// All is new, but for one block after the other.
  void one_block(char letter, std::uint64_t count) {
    for (std::uint64_t block = 0; count > 1 && block < count && count <= 64; ++block) {
      std::string blocks(in_memory(count), 'n');
      blocks[in_memory(block)] = letter;
      add({.size = fresh_.size(), .cut = 0, .rest = 'd', .blocks = std::move(blocks)});
    }
  }

  /// Each written block is new, as it was, or torn; the others are as they were. Disks write
  /// sectors as a whole, so a block that was written with its old bytes stays as it was.
  void overwritten(const std::vector<Extent>& written) {
    std::set<std::size_t> touched;
    for (const Extent& extent : written) {
      const std::uint64_t last = (extent.end - 1) / block_size;
      for (std::uint64_t block = extent.begin / block_size; block <= last; ++block) {
        if (!is_same(block)) touched.insert(in_memory(block));
      }
    }
    const std::size_t count = in_memory((durable_.size() + block_size - 1) / block_size);
    const auto found = [&](std::string blocks) {
      add({.size = durable_.size(), .cut = 0, .rest = 'd', .blocks = std::move(blocks)});
    };
    constexpr std::size_t touched_max = 10;
    const std::size_t last = std::min(touched.size(), touched_max);
    for (std::uint64_t mask = std::uint64_t{1} << last; mask-- > 0;) {
      std::string blocks(count, 'd');
      std::size_t bit = 0;
      for (const std::size_t block : touched) {
        if (bit >= last || (mask >> bit & 1U) != 0) blocks[block] = 'n';
        ++bit;
      }
      found(std::move(blocks));
    }
    for (const char torn : {'m', 'z', 'g', 'u'}) {
      if ((torn == 'z' && !preset_.zeros) || (torn == 'g' && !preset_.garbage) ||
          (torn == 'u' && !preset_.unreadable)) {
        continue;
      }
      for (const char others : {'n', 'd'}) {
        for (const std::size_t block : touched) {
          std::string blocks(count, 'd');
          for (const std::size_t other : touched) blocks[other] = others;
          blocks[block] = torn;
          found(std::move(blocks));
        }
      }
    }
  }

  std::vector<Torn> take(const Bounds& bounds) {
    // Keep the first (intact, then the plain sizes), draw the rest.
    const std::size_t keep = bounds.tears_max / 2;
    std::uint64_t random = bounds.seed;
    while (all_.size() > bounds.tears_max) {
      random = mix(random, all_.size());
      const std::size_t victim = keep + in_memory(random % (all_.size() - keep));
      all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    return std::move(all_);
  }

 private:
  [[nodiscard]] bool is_same(std::uint64_t block) const {
    const auto at = static_cast<std::ptrdiff_t>(block * block_size);
    const auto end = at + static_cast<std::ptrdiff_t>(block_size);
    return std::equal(durable_.begin() + at, durable_.begin() + end, fresh_.begin() + at);
  }
  [[nodiscard]] std::string letters(std::uint64_t count, std::uint64_t mask) const {
    std::string blocks(in_memory(count), preset_.zeros ? 'z' : 'd');
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if ((mask >> i & 1U) != 0) {
        blocks[i] = 'n';
      } else if (i * block_size < durable_.size()) {
        blocks[i] = 'd';
      }
    }
    return blocks;
  }

  const Preset& preset_;
  InodeId inode_;
  const Buffer& durable_;
  const Buffer& fresh_;
  std::vector<Torn> all_;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

std::shared_ptr<Blob> torn_content(const Tear& tear, const Buffer& durable, const Buffer& fresh) {
  auto blob = std::make_shared<Blob>();
  Buffer& content = blob->bytes;
  content.resize(in_memory(tear.size));
  for (std::size_t at = 0; at < content.size(); ++at) {
    char source = at < tear.cut ? 'n' : tear.rest;
    if (!tear.blocks.empty()) {
      const std::size_t block = at / in_memory(block_size);
      source = block < tear.blocks.size() ? tear.blocks[block] : 'z';
    }
    content[at] = byte_of(source, at, tear, durable, fresh);
    if (source == 'u' && (blob->unreadable.empty() || blob->unreadable.back() != at / block_size)) {
      blob->unreadable.push_back(at / block_size);
    }
  }
  return blob;
}

std::vector<Torn> all_tears(const Preset& preset, InodeId inode, const Buffer& durable,
                            const Buffer& fresh, const std::vector<Extent>& written,
                            const Bounds& bounds) {
  Collector collector(preset, inode, durable, fresh);
  collector.add({.size = std::max(durable.size(), fresh.size()),
                 .cut = fresh.size(),
                 .rest = 'd',
                 .blocks = {}});
  if (overwrites_blocks(written, durable.size())) {
    collector.overwritten(written);
    return collector.take(bounds);
  }
  const auto points = tear_points(preset, durable.size(), fresh.size(), written);
  switch (preset.sizes) {
    case Preset::Sizes::prefix:
      collector.prefixes(points);
      break;
    case Preset::Sizes::blocks:
      collector.holes(points);
      break;
    case Preset::Sizes::any:
      collector.anything(points);
      break;
  }
  return collector.take(bounds);
}

}  // namespace perdure::testing
