// SPDX-License-Identifier: BSL-1.0
// Random bytes, drawn from the system in larger blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <perdure/system/environment.hpp>

#include "base/internal.hpp"
#include "linux/fork.hpp"

namespace perdure {

/// Another environment, asked for random bytes 4 KiB at a time: one system call for 256 temps
/// instead of one for each. Bytes are handed out once and wiped. A forked child has a copy of bytes
/// that its parent will hand out, and maybe of a mutex that nobody will unlock. So the child asks
/// the other environment each time.
class PERDURE_INTERNAL_API RandomPool final : public Environment {
 public:
  explicit RandomPool(Environment& base) : base_(base) {}

  SysResult<void> random(std::span<std::byte> out) override;
  std::chrono::nanoseconds monotonic() override { return base_.monotonic(); }
  std::chrono::nanoseconds wall() override { return base_.wall(); }
  void sleep(std::chrono::nanoseconds time) override { base_.sleep(time); }

 private:
  Environment& base_;
  const MadeBy made_by_{};
  std::mutex mutex_;
  std::array<std::byte, 4096> bytes_{};
  std::size_t used_ = bytes_.size();
};

}  // namespace perdure
