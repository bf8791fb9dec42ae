// SPDX-License-Identifier: BSL-1.0
// Memory that is not to be had from the n-th allocation on: replaces the program's operator new,
// and with it that of the libraries it loads. To be included by one source of a program.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace perdure::test {

inline std::atomic<std::int64_t> allocations_left = -1;  ///< Until one fails; below 0: any number.
inline std::atomic<bool> all_fail_then = true;           ///< Or that one alone.
inline std::atomic<std::int64_t> allocations_made = 0;
inline std::atomic<std::int64_t> allocations_failed = 0;

inline void* allocate(std::size_t size) {
  ++allocations_made;
  if (allocations_left >= 0 && allocations_left-- == 0) {
    if (all_fail_then) allocations_left = 0;
    ++allocations_failed;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace perdure::test

// The others of the standard library end in these. g++ warns of a pair that it inlines by half.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return perdure::test::allocate(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
