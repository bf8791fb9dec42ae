// SPDX-License-Identifier: BSL-1.0
// Counts moments, and notes requests and answers.
#include "disk/recorder.hpp"

#include <utility>

namespace crashlab {
namespace {

// The most strikes to keep: a dead disk refuses requests without end.
constexpr std::size_t strikes_max = 1000;

}  // namespace

void Recorder::begin(const Pages& pages) {
  taken_ = {};
  taken_.size = pages.size();
  for (const std::uint32_t page : pages.marks()) {
    const auto bytes = pages.page(page);
    taken_.base.emplace(page, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  now_ = 0;
  recording_ = true;
}

Recording Recorder::end() {
  recording_ = false;
  taken_.end = now_ + 1;
  return std::exchange(taken_, {});
}

Recorder::Ticket Recorder::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (!recording_) return {};
  taken_.writes.push_back(
      {Write::Kind::data, ++now_, never, offset, data.size(), taken_.data.size()});
  taken_.data.insert(taken_.data.end(), data.begin(), data.end());
  return {Ticket::Kind::write, taken_.writes.size() - 1};
}

void Recorder::failed_write(std::uint64_t offset, std::span<const std::byte> data) {
  if (write(offset, data).kind != Ticket::Kind::none) taken_.writes.back().failed = true;
}

Recorder::Ticket Recorder::zeros(std::uint64_t offset, std::uint64_t length) {
  if (!recording_) return {};
  taken_.writes.push_back({Write::Kind::zeros, ++now_, never, offset, length, 0});
  return {Ticket::Kind::write, taken_.writes.size() - 1};
}

Recorder::Ticket Recorder::flush() {
  if (!recording_) return {};
  taken_.flushes.push_back({++now_, never});
  return {Ticket::Kind::flush, taken_.flushes.size() - 1};
}

void Recorder::answered(Ticket ticket) {
  if (!recording_ || ticket.kind == Ticket::Kind::none) return;
  if (ticket.kind == Ticket::Kind::write) {
    taken_.writes[ticket.index].answered = ++now_;
  } else {
    taken_.flushes[ticket.index].answered = ++now_;
  }
}

void Recorder::ack(std::string text) {
  if (recording_) taken_.acks.push_back({++now_, std::move(text)});
}

void Recorder::strike(Fault::Kind kind, std::uint64_t offset, std::uint64_t length) {
  if (!recording_ || taken_.strikes.size() >= strikes_max) return;
  taken_.strikes.push_back({++now_, kind, offset, length});
}

}  // namespace crashlab
