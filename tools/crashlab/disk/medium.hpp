// SPDX-License-Identifier: BSL-1.0
// Decides for each request to the disk whether and how a fault strikes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "disk/fault.hpp"

namespace crashlab {

/// The disk's faults. Requests are counted, and faults strike, from arm() on. Faults of the medium
/// stay after a power cut.
class Medium {
 public:
  struct WriteFate {
    enum class Kind : std::uint8_t { done, lost, misdirected, failed };
    Kind kind = Kind::done;
    bool maybe_there = false;  ///< of a failed one: a power cut may show it, or parts of it
    std::uint64_t offset = 0;  ///< where a misdirected one goes
  };
  /// Hears of each fault that strikes a request, with its place on the disk.
  using Struck = std::function<void(Fault::Kind, std::uint64_t offset, std::uint64_t length)>;

  Medium(std::vector<Fault> faults, std::uint64_t size, std::uint64_t seed, Struck struck);

  void arm() { armed_ = true; }
  /// The disk takes nothing any more: every write and flush answers EIO.
  void die() { dead_ = true; }
  void cut_power();
  /// Says where a fault's file lies; `index` counts the faults.
  void place(std::size_t index, std::vector<Range> ranges);

  WriteFate write(std::uint64_t offset, std::uint64_t length);
  bool flush_fails();
  bool read_fails(std::uint64_t offset, std::uint64_t length) const;
  /// Whether a read of this range meets rot; rot() puts it into the bytes.
  bool rots(std::uint64_t offset, std::uint64_t length) const;
  void rot(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  const Fault* striking(Fault::Kind kind, std::uint64_t count, std::uint64_t offset,
                        std::uint64_t length) const;
  std::optional<std::uint64_t> elsewhere(std::uint64_t offset, std::uint64_t length) const;

  std::vector<Fault> faults_;
  std::uint64_t size_;
  std::uint64_t seed_;
  Struck struck_;
  bool armed_ = false;
  bool dead_ = false;
  std::uint64_t writes_ = 0;
  std::uint64_t flushes_ = 0;
};

}  // namespace crashlab
