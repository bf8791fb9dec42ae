// SPDX-License-Identifier: BSL-1.0
// Two programs to be killed: one writes its file as most programs do, the other commits it.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

namespace perdure::demo {

/// The report of a writer about itself, in memory that it shares with its killer.
struct Progress {
  std::atomic<std::uint64_t> acknowledged;  ///< The last content whose write returned.
  std::atomic<std::uint32_t> stage;         ///< Index into the writer's stages: where it is now.
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);

/// Content number `number`, `size` bytes: no two numbers share a word at any place.
[[nodiscard]] Buffer content(std::uint64_t number, std::size_t size);

/// Writes a file as most programs do, and says to `progress` how far it is.
Result<void> write_plainly(const std::string& path, Bytes bytes, Progress& progress);

/// The content of the target after a kill.
struct Finding {
  enum class Kind { missing, torn, intact } kind = Kind::missing;
  std::uint64_t number = 0;  ///< Of an intact one.
};
[[nodiscard]] Finding examine(const std::string& path, std::size_t size);

/// A program that writes content `first`, `first + 1`, ... to `path` until it is killed, or up to
/// but without `end`.
struct Writer {
  std::string_view name;
  std::span<const std::string_view> stages;
  Result<void> (*run)(const std::string& path, std::size_t size, std::uint64_t first,
                      std::uint64_t end, Progress& progress);
  Finding (*examine)(const std::string& path, std::size_t size);
};
[[nodiscard]] const Writer& plain_writer() noexcept;
[[nodiscard]] const Writer& perdure_writer() noexcept;

}  // namespace perdure::demo
