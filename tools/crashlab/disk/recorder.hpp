// SPDX-License-Identifier: BSL-1.0
// Counts the moments of a disk and keeps the events of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "disk/pages.hpp"
#include "recording/recording.hpp"

namespace crashlab {

/// Used by the disk's one thread. Between begin() and end() everything is kept.
class Recorder {
 public:
  /// The facts about a request under way that answered() needs.
  struct Ticket {
    enum class Kind : std::uint8_t { none, write, flush };
    Kind kind = Kind::none;
    std::size_t index = 0;
  };

  /// Takes `pages` as the base. No request may be under way.
  void begin(const Pages& pages);
  /// Stops and hands out the recording.
  Recording end();
  bool recording() const { return recording_; }

  Ticket write(std::uint64_t offset, std::span<const std::byte> data);
  /// A write that is answered by an error, and may be on the disk.
  void failed_write(std::uint64_t offset, std::span<const std::byte> data);
  Ticket zeros(std::uint64_t offset, std::uint64_t length);
  Ticket flush();
  /// Call it before the answer is sent: nobody may act on an answer that isn't in the record.
  void answered(Ticket ticket);
  void ack(std::string text);
  void strike(Fault::Kind kind, std::uint64_t offset, std::uint64_t length);

 private:
  bool recording_ = false;
  Moment now_ = 0;
  Recording taken_;
};

}  // namespace crashlab
