// SPDX-License-Identifier: BSL-1.0
// Where a benchmark works: a directory of its own, and the block device below it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace perdure::bench {

/// A directory of its own, gone with everything in it at the end. Throws if it can't be made.
class Scratch {
 public:
  explicit Scratch(const std::string& parent);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// A new directory in it. Throws if it is there already.
  [[nodiscard]] std::string make(const std::string& name) const;

 private:
  std::string path_;
};

/// The counters of a block device since it exists.
struct DeviceCounters {
  std::uint64_t bytes_written = 0;
  std::uint64_t flushes = 0;
};

/// Reads /sys/block/`device`/stat ("loop0"): fields 7 and 16. Empty if there is none.
[[nodiscard]] std::optional<DeviceCounters> read_counters(const std::string& device);

/// Bytes that compress badly: always the same ones.
[[nodiscard]] std::string noise(std::size_t size);

}  // namespace perdure::bench
