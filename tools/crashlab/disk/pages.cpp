// SPDX-License-Identifier: BSL-1.0
// Keeps pages in memory, and marks those that were written.
#include "disk/pages.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/mman.h>

#include "host/posix.hpp"

namespace crashlab {

Pages::Pages(std::size_t size, Sharing sharing)
    : size_(size), word_count_((size / page_size + 63) / 64) {
  if (size == 0 || size % page_size != 0) throw Failure("a disk's size is a multiple of 4096");
  mapped_ = size_ + word_count_ * sizeof(Word);
  const int flags =
      MAP_ANONYMOUS | MAP_NORESERVE | (sharing == Sharing::shared ? MAP_SHARED : MAP_PRIVATE);
  void* memory = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) fail_errno("memory for a disk of " + std::to_string(size) + " bytes");
  memory_ = static_cast<std::byte*>(memory);
  marks_ = reinterpret_cast<Word*>(memory_ + size_);  // zeroed by the kernel: no mark set
}

Pages::~Pages() {
  ::munmap(memory_, mapped_);
}

void Pages::write(std::size_t offset, std::span<const std::byte> data) {
  std::memcpy(memory_ + offset, data.data(), data.size());
  mark(offset, data.size());
}

void Pages::zero(std::size_t offset, std::size_t length) {
  std::memset(memory_ + offset, 0, length);
  mark(offset, length);
}

void Pages::zero_marked(std::size_t offset, std::size_t length) {
  for (std::size_t done = 0; done < length;) {
    const std::size_t at = offset + done;
    const std::size_t count = std::min(length - done, page_size - at % page_size);
    if (marked(at / page_size)) std::memset(memory_ + at, 0, count);
    done += count;
  }
}

void Pages::mark(std::size_t offset, std::size_t length) {
  if (length == 0) return;
  for (std::size_t page = offset / page_size; page <= (offset + length - 1) / page_size; ++page) {
    const std::uint64_t bit = std::uint64_t{1} << (page % 64);
    Word& word = marks_[page / 64];
    if ((word.load(std::memory_order_relaxed) & bit) == 0) word.fetch_or(bit);
  }
}

bool Pages::marked(std::size_t page) const {
  return ((marks_[page / 64].load(std::memory_order_relaxed) >> (page % 64)) & 1U) != 0;
}

std::vector<std::uint32_t> Pages::marks() const {
  std::vector<std::uint32_t> found;
  for (std::size_t index = 0; index < word_count_; ++index) {
    for (std::uint64_t word = marks_[index].load(); word != 0; word &= word - 1) {
      found.push_back(static_cast<std::uint32_t>(index * 64 +
                                                 static_cast<std::size_t>(std::countr_zero(word))));
    }
  }
  return found;
}

void Pages::clear_marks() {
  for (std::size_t index = 0; index < word_count_; ++index) marks_[index].store(0);
}

}  // namespace crashlab
