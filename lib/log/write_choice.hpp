// SPDX-License-Identifier: BSL-1.0
// Whether records are written past the page cache or through it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include <boost/align/aligned_allocator.hpp>

namespace perdure {

/// Memory as FileSystem::write_through wants it.
using DirectBuffer = std::vector<std::byte, boost::alignment::aligned_allocator<std::byte, 4096>>;

/// Two ways to make the same bytes durable are taken in turns at first, and timed. Then the faster
/// one is known: by medians, so that a few slow ones change nothing. Which is faster depends on the
/// disk, its cache and the kernel, and no fact that can be read tells.
class WriteChoice {
 public:
  /// Whether the next bytes go past the cache.
  [[nodiscard]] bool is_direct() const noexcept;
  /// Whether times are still wanted.
  [[nodiscard]] bool is_measuring() const noexcept { return count_ < 2 * rounds; }
  /// How long the bytes took that `is_direct` spoke of.
  void took(std::chrono::nanoseconds time);
  /// The median past the cache by that through it; empty as long as it is measuring, and where the
  /// clock does not tell.
  [[nodiscard]] std::optional<double> ratio() const;

 private:
  static constexpr std::size_t rounds = 8;  ///< Of each way.
  using Times = std::array<std::chrono::nanoseconds, rounds>;

  std::array<Times, 2> times_{};  ///< Through the cache; past it.
  std::size_t count_ = 0;
};

}  // namespace perdure
