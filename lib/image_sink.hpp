// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <perdure/serializer.hpp>

namespace perdure {

/// Collects an image without ever holding more than twice its size: a vector that grows by doubling
/// holds three times as much at the moment when it has to move.
class ImageSink final : public Sink {
 public:
  Result<void> write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (blocks_.empty() || blocks_.back().size() == block_size) blocks_.emplace_back();
      Buffer& block = blocks_.back();
      if (blocks_.size() > 1) block.reserve(block_size);
      const Bytes piece = bytes.first(std::min(bytes.size(), block_size - block.size()));
      block.insert(block.end(), piece.begin(), piece.end());
      size_ += piece.size();
      bytes = bytes.subspan(piece.size());
    }
    return success();
  }

  /// All that was written, in one piece. The sink is empty afterwards.
  Buffer take() {
    Buffer whole;
    if (blocks_.size() == 1) {
      whole = std::move(blocks_.front());
    } else {
      whole.reserve(size_);
      for (Buffer& block : blocks_) {
        whole.insert(whole.end(), block.begin(), block.end());
        Buffer().swap(block);
      }
    }
    blocks_.clear();
    size_ = 0;
    return whole;
  }

 private:
  static constexpr std::size_t block_size = std::size_t{1} << 20U;
  std::vector<Buffer> blocks_;
  std::size_t size_ = 0;
};

}  // namespace perdure
