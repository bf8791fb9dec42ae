// SPDX-License-Identifier: BSL-1.0
// Tells a forked child from its parent.
#pragma once

#include <cstdint>

#include "base/internal.hpp"

namespace perdure {

/// Tells a forked child from its parent without a system call: it differs from what it was before
/// when a fork(2) lies between. Never 0. To compare, ask before the fork, too. vfork(2) and a bare
/// clone(2) go unnoticed. Safe to use from several threads, and in a child of a process that has
/// several.
[[nodiscard]] PERDURE_INTERNAL_API std::uint64_t process_mark() noexcept;

/// Which process made the thing that has this member. In a forked child a mutex may be held by a
/// thread that is not there, and a thread object names one that is not there: ask first.
class MadeBy {
 public:
  [[nodiscard]] bool this_process() const noexcept { return mark_ == process_mark(); }

 private:
  std::uint64_t mark_ = process_mark();
};

}  // namespace perdure
