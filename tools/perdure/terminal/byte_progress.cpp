// SPDX-License-Identifier: BSL-1.0
// Watches the bytes that a call writes, for a line of progress.
#include "terminal/byte_progress.hpp"

#include <chrono>

namespace perdure::cli {

ByteProgress::ByteProgress(FileSystem& base, std::ostream& out, bool shown)
    : base_(base), out_(out) {
  if (!shown) return;
  files_.emplace(base, [this](std::uint64_t bytes) { advance(bytes); });
}

void ByteProgress::advance(std::uint64_t bytes) {
  const auto now = std::chrono::steady_clock::now();
  if (syncing_) end();
  if (!progress_) progress_.emplace(out_, true, std::nullopt, now);
  progress_->advance(bytes, now);
}

void ByteProgress::syncing() {
  if (!progress_ || syncing_) return;
  progress_->syncing();
  syncing_ = true;
}

void ByteProgress::end() {
  progress_.reset();
  syncing_ = false;
}

SysResult<std::size_t> ByteProgress::Watched::write_at(Handle file, std::uint64_t offset,
                                                       Bytes bytes) {
  auto written = base().write_at(file, offset, bytes);
  if (written) written_(written.value());
  return written;
}

SysResult<std::uint64_t> ByteProgress::Watched::copy_range(Handle from, std::uint64_t from_offset,
                                                           Handle to, std::uint64_t to_offset,
                                                           std::uint64_t size) {
  auto copied = base().copy_range(from, from_offset, to, to_offset, size);
  if (copied) written_(copied.value());
  return copied;
}

}  // namespace perdure::cli
