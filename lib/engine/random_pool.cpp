// SPDX-License-Identifier: BSL-1.0
// Serves random bytes, and never the same ones to a forked child.
#include "engine/random_pool.hpp"

#include <algorithm>

namespace perdure {

SysResult<void> RandomPool::random(std::span<std::byte> out) {
  if (!made_by_.this_process()) return base_.random(out);
  const std::lock_guard guard(mutex_);
  if (out.size() > bytes_.size() - used_) {
    if (out.size() > bytes_.size()) return base_.random(out);
    const auto filled = base_.random(bytes_);
    if (!filled) return filled.error();
    used_ = 0;
  }
  const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(used_);
  const auto to = from + static_cast<std::ptrdiff_t>(out.size());
  std::copy(from, to, out.begin());
  std::fill(from, to, std::byte{0});
  used_ += out.size();
  return success();
}

}  // namespace perdure
