// SPDX-License-Identifier: BSL-1.0
// Counts forks by a handler of pthread_atfork.
#include "linux/fork.hpp"

#include <atomic>
#include <pthread.h>
#include <unistd.h>

namespace perdure {
namespace {

std::atomic<std::uint64_t> mark{1};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // the handler runs between threads

enum class Counted : std::uint8_t { unasked, yes, no };
std::atomic<Counted> counted{Counted::unasked};

void count_fork() {
  mark.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::uint64_t process_mark() noexcept {
  // Not a static variable that is initialised here: a child that is forked while another thread
  // initialises it would wait forever. Two threads may both register the handler: it then counts
  // each fork twice, which does no harm.
  if (counted == Counted::unasked) {
    const bool registered = ::pthread_atfork(nullptr, nullptr, &count_fork) == 0;
    Counted first = Counted::unasked;
    counted.compare_exchange_strong(first, registered ? Counted::yes : Counted::no);
  }
  if (counted == Counted::yes) return mark.load(std::memory_order_relaxed);
  // Where memory for the handler is missing, each question is a system call: getpid(2) tells the
  // same.
  return (std::uint64_t{1} << 63U) | static_cast<std::uint64_t>(::getpid());
}

}  // namespace perdure
