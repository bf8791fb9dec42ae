// SPDX-License-Identifier: BSL-1.0
#include "native_fork.hpp"

#include <atomic>
#include <pthread.h>
#include <unistd.h>

namespace perdure {
namespace {

std::atomic<std::uint64_t> mark{1};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // the handler runs between threads

void count_fork() {
  mark.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::uint64_t process_mark() noexcept {
  // Without memory for the handler each question is a system call: getpid(2) tells as much.
  static const bool counted = ::pthread_atfork(nullptr, nullptr, &count_fork) == 0;
  if (counted) return mark.load(std::memory_order_relaxed);
  return (std::uint64_t{1} << 63U) | static_cast<std::uint64_t>(::getpid());
}

}  // namespace perdure
