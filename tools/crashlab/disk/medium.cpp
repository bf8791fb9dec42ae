// SPDX-License-Identifier: BSL-1.0
// Counts requests, and finds the faults that strike them.
#include "disk/medium.hpp"

#include <algorithm>

#include "disk/pages.hpp"
#include "host/posix.hpp"

namespace crashlab {
namespace {

bool touches(const std::vector<Range>& ranges, std::uint64_t offset, std::uint64_t length) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return offset < range.to && range.from < offset + length;
  });
}

}  // namespace

Medium::Medium(std::vector<Fault> faults, std::uint64_t size, std::uint64_t seed, Struck struck)
    : faults_(std::move(faults)), size_(size), seed_(seed), struck_(std::move(struck)) {}

void Medium::cut_power() {
  dead_ = false;
  std::erase_if(faults_, [](const Fault& fault) { return !fault.lasting(); });
}

void Medium::place(std::size_t index, std::vector<Range> ranges) {
  if (index < faults_.size()) faults_[index].ranges = std::move(ranges);
}

Medium::WriteFate Medium::write(std::uint64_t offset, std::uint64_t length) {
  if (dead_) return {WriteFate::Kind::failed};
  if (!armed_) return {};
  ++writes_;
  if (const Fault* fault = striking(Fault::Kind::write_error, writes_, offset, length)) {
    struck_(fault->kind, offset, length);
    // A single write that fails may have reached the medium; a dead disk, or a dead part of it,
    // takes nothing.
    return {WriteFate::Kind::failed, fault->number != 0 && !fault->onward};
  }
  if (const Fault* fault = striking(Fault::Kind::lost, writes_, offset, length)) {
    struck_(fault->kind, offset, length);
    return {WriteFate::Kind::lost};
  }
  if (const Fault* fault = striking(Fault::Kind::misdirect, writes_, offset, length)) {
    struck_(fault->kind, offset, length);
    const auto place = elsewhere(offset, length);
    if (!place) return {WriteFate::Kind::lost};
    return {WriteFate::Kind::misdirected, false, *place};
  }
  return {};
}

bool Medium::flush_fails() {
  if (dead_) return true;
  if (!armed_) return false;
  const Fault* const fault = striking(Fault::Kind::flush_error, ++flushes_, 0, 0);
  if (fault != nullptr) struck_(fault->kind, 0, 0);
  return fault != nullptr;
}

bool Medium::read_fails(std::uint64_t offset, std::uint64_t length) const {
  const Fault* const fault =
      armed_ ? striking(Fault::Kind::read_error, 0, offset, length) : nullptr;
  if (fault != nullptr) struck_(fault->kind, offset, length);
  return fault != nullptr;
}

bool Medium::rots(std::uint64_t offset, std::uint64_t length) const {
  const bool rots = armed_ && striking(Fault::Kind::rot, 0, offset, length) != nullptr;
  if (rots) struck_(Fault::Kind::rot, offset, length);
  return rots;
}

void Medium::rot(std::uint64_t offset, std::span<std::byte> bytes) const {
  const std::uint64_t first = offset / fault_sector;
  const std::uint64_t last = (offset + bytes.size() + fault_sector - 1) / fault_sector;
  for (std::uint64_t sector = first; sector < last; ++sector) {
    if (striking(Fault::Kind::rot, 0, sector * fault_sector, fault_sector) == nullptr) continue;
    std::uint64_t state = seed_ ^ (sector << 8U);
    const std::uint64_t draw = next_random(state);
    const std::uint64_t at = sector * fault_sector + draw % fault_sector;
    if (at < offset || at >= offset + bytes.size()) continue;
    bytes[at - offset] ^= static_cast<std::byte>(1U << (draw >> 32U) % 8);
  }
}

const Fault* Medium::striking(Fault::Kind kind, std::uint64_t count, std::uint64_t offset,
                              std::uint64_t length) const {
  for (const Fault& fault : faults_) {
    if (fault.kind != kind) continue;
    if (fault.number != 0) {
      if (count == fault.number || (fault.onward && count > fault.number)) return &fault;
    } else if (touches(fault.ranges, offset, length)) {
      return &fault;
    }
  }
  return nullptr;
}

std::optional<std::uint64_t> Medium::elsewhere(std::uint64_t offset, std::uint64_t length) const {
  // One bit of the address is wrong. It is high enough that the write does not overlap its own
  // place.
  std::vector<std::uint64_t> places;
  for (std::uint64_t bit = page_size; bit < size_; bit <<= 1U) {
    const std::uint64_t place = offset ^ bit;
    if (bit >= length && place <= size_ - std::min(size_, length)) places.push_back(place);
  }
  if (places.empty()) return std::nullopt;
  std::uint64_t state = seed_ ^ writes_;
  return places[next_random(state) % places.size()];
}

}  // namespace crashlab
