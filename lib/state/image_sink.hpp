// SPDX-License-Identifier: BSL-1.0
// A sink that keeps an image in memory, up to a limit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <perdure/serializer.hpp>

namespace perdure {

/// Collects an image in little more than its own size when that is known roughly, and in twice its
/// size when not. A vector that grows by doubling holds three times the size while it moves.
class ImageSink final : public Sink {
 public:
  explicit ImageSink(std::size_t size_expected = 0) {
    // A sixteenth more than the last image: a state grows a little from save to save.
    if (size_expected > block_size) {
      blocks_.emplace_back().reserve(size_expected + size_expected / 16);
    }
  }

  Result<void> write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (blocks_.empty() || blocks_.back().size() == room_of_last()) {
        blocks_.emplace_back();
        if (blocks_.size() > 1) blocks_.back().reserve(block_size);
      }
      Buffer& block = blocks_.back();
      const Bytes piece = bytes.first(std::min(bytes.size(), room_of_last() - block.size()));
      block.insert(block.end(), piece.begin(), piece.end());
      size_ += piece.size();
      bytes = bytes.subspan(piece.size());
    }
    return success();
  }

  /// All that was written, in one piece. The sink is empty afterwards.
  Buffer take() {
    Buffer image;
    if (blocks_.size() == 1) {
      image = std::move(blocks_.front());
    } else {
      if (!blocks_.empty()) blocks_.back().shrink_to_fit();
      image.reserve(size_);
      for (Buffer& block : blocks_) {
        image.insert(image.end(), block.begin(), block.end());
        Buffer().swap(block);
      }
    }
    blocks_.clear();
    size_ = 0;
    return image;
  }

 private:
  static constexpr std::size_t block_size = std::size_t{1} << 20U;

  // The first block may be the one that was reserved for the whole image.
  [[nodiscard]] std::size_t room_of_last() const {
    return std::max(block_size, blocks_.back().capacity());
  }

  std::vector<Buffer> blocks_;
  std::size_t size_ = 0;
};

}  // namespace perdure
