// SPDX-License-Identifier: BSL-1.0
// A disk's content in memory, and which of its pages were ever written.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace crashlab {

inline constexpr std::size_t page_size = 4096;

/// The bytes of a disk, zero at first, with one mark for each page. Memory is taken only for pages
/// that are written. Processes that are forked later see shared pages. Nothing in here locks: the
/// laboratory writes only while the disk has no requests under way.
class Pages {
 public:
  enum class Sharing { own, shared };

  /// `size` is a multiple of the page size. Throws Failure when memory is short.
  Pages(std::size_t size, Sharing sharing);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  std::size_t size() const { return size_; }
  std::size_t page_count() const { return size_ / page_size; }
  std::span<std::byte> bytes() { return {memory_, size_}; }
  std::span<const std::byte> bytes() const { return {memory_, size_}; }
  std::span<std::byte> page(std::size_t index) { return {memory_ + index * page_size, page_size}; }
  std::span<const std::byte> page(std::size_t index) const {
    return {memory_ + index * page_size, page_size};
  }

  /// Both clip nothing: the range lies inside the disk. They mark the pages.
  void write(std::size_t offset, std::span<const std::byte> data);
  void zero(std::size_t offset, std::size_t length);
  /// As zero(), for a disk whose marks were never cleared: a page without a mark is zero already,
  /// and is passed over. mkfs discards whole disks, and that must not cost their size in memory.
  void zero_marked(std::size_t offset, std::size_t length);

  void mark(std::size_t offset, std::size_t length);
  bool marked(std::size_t page) const;
  /// The marked pages in ascending order.
  std::vector<std::uint32_t> marks() const;
  void clear_marks();

 private:
  using Word = std::atomic<std::uint64_t>;

  std::size_t size_;
  std::size_t mapped_;
  std::byte* memory_;
  Word* marks_;
  std::size_t word_count_;
};

}  // namespace crashlab
