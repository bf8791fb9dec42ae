// SPDX-License-Identifier: BSL-1.0
// The bytes of files at many moments, equal pages kept once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace crashlab {

inline constexpr std::size_t content_page_size = 4096;
using ContentPage = std::array<std::byte, content_page_size>;

/// One content of a file. The pages belong to a ContentStore; those of one store are the same
/// object exactly if their bytes are equal. The last one is filled up with zeros.
struct Content {
  std::uint64_t size = 0;
  std::vector<const ContentPage*> pages;

  bool operator==(const Content&) const = default;
  std::byte at(std::uint64_t offset) const {
    return (*pages[offset / content_page_size])[offset % content_page_size];
  }
  /// Whether it has only zeros, and is not empty.
  bool is_zeros() const;
};

class ContentStore {
 public:
  explicit ContentStore(std::uint64_t bytes_max = std::uint64_t{1} << 30U)
      : bytes_max_(bytes_max) {}

  Content take(std::span<const std::byte> bytes);
  Content take(std::string_view text) { return take(std::as_bytes(std::span(text))); }
  /// The content of an open file. Throws Failure where it can't be read, or where the store is
  /// full.
  Content read(int fd);

 private:
  const ContentPage* intern(std::span<const std::byte> bytes);

  std::uint64_t bytes_max_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::unique_ptr<ContentPage>> pages_;
};

}  // namespace crashlab
