// SPDX-License-Identifier: BSL-1.0
// Reads RLIMIT_FSIZE, and remembers it so that a write costs no call more.
#include "linux/size_limit.hpp"

#include <atomic>
#include <sys/resource.h>

#include "linux/fork.hpp"

namespace perdure {
namespace {

std::uint64_t read_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

}  // namespace

bool exceeds_size_limit(std::uint64_t end) noexcept {
  static std::atomic<std::uint64_t> known_to{0};  // a process_mark(), which is never 0
  static std::atomic<std::uint64_t> known{0};
  const std::uint64_t mark = process_mark();
  if (known_to.load(std::memory_order_acquire) == mark && end <= known.load()) return false;
  const std::uint64_t limit = read_limit();
  known.store(limit);
  known_to.store(mark, std::memory_order_release);
  return end > limit;
}

}  // namespace perdure
