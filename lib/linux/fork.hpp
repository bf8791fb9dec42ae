// SPDX-License-Identifier: BSL-1.0
// Tells a forked child from its parent.
#pragma once

#include <cstdint>

#include "base/internal.hpp"

namespace perdure {

/// A number that differs after a fork(2) in between, so that a forked child can be told from its
/// parent without a system call. Never 0. To compare, ask before the fork, too. vfork(2) and a bare
/// clone(2) go unnoticed. Safe to use from several threads, and in a child of a process that has
/// several.
[[nodiscard]] PERDURE_INTERNAL_API std::uint64_t process_mark() noexcept;

/// The process that made the object with this member. Ask it first: in a forked child, a thread
/// that does not exist there may hold a mutex, and a thread object may name one.
class MadeBy {
 public:
  [[nodiscard]] bool this_process() const noexcept { return mark_ == process_mark(); }

 private:
  std::uint64_t mark_ = process_mark();
};

}  // namespace perdure
