// SPDX-License-Identifier: BSL-1.0
// Lays crash states on the disk, write by write, and hashes them.
#include "states/state_image.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <unistd.h>

#include <xxhash.h>

#include "host/posix.hpp"

namespace crashlab {
namespace {

// The sum over all pages of a hash of number and content: a page that changes costs two hashes.
ImageHash page_hash(std::uint32_t number, std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), number);
  return {hash.high64, hash.low64};
}

constexpr std::uint32_t gap_max = 8;  // pages

void add(ImageHash& sum, ImageHash part) {
  sum.high += part.high;
  sum.low += part.low;
}

void subtract(ImageHash& sum, ImageHash part) {
  sum.high -= part.high;
  sum.low -= part.low;
}

}  // namespace

StateImage::StateImage(const Recording& recording, Pages& served, std::uint32_t sector_size)
    : recording_(recording),
      served_(served),
      durable_(recording.size, Pages::Sharing::own),
      sector_size_(sector_size) {
  for (const auto& [page, bytes] : recording.base) durable_.write(page * page_size, bytes);
  // Every page that was ever written may differ from the base: the marks stay, and restore() uses
  // them.
}

void StateImage::rewind() {
  for (const Write& write : recording_.writes) {
    for (std::uint64_t at = write.offset; at < write.offset + write.length;) {
      const auto number = static_cast<std::uint32_t>(at / page_size);
      const auto base = recording_.base.find(number);
      if (base != recording_.base.end()) {
        durable_.write(number * page_size, base->second);
      } else {
        durable_.zero_marked(number * page_size, page_size);
      }
      served_.mark(number * page_size, page_size);
      at = (std::uint64_t{number} + 1) * page_size;
    }
  }
  durable_hash_ = {};
}

void StateImage::advance(const CrashPoint& point) {
  Touched touched;
  for (const std::uint32_t index : point.newly_durable) touch(touched, recording_.writes[index]);
  for (const std::uint32_t page : touched)
    subtract(durable_hash_, page_hash(page, durable_.page(page)));
  for (const std::uint32_t index : point.newly_durable) {
    const Write& write = recording_.writes[index];
    put(durable_, write, 0, write.length);
    served_.mark(write.offset, write.length);
  }
  for (const std::uint32_t page : touched) add(durable_hash_, page_hash(page, durable_.page(page)));
}

ImageHash StateImage::apply(const CrashPoint& point, const Choice& choice) {
  restore();
  Touched touched;
  for (const std::uint32_t index : choice.kept) {
    const Write& write = recording_.writes[point.pending[index]];
    touch(touched, write);
    const auto torn = std::find_if(choice.torn.begin(), choice.torn.end(),
                                   [&](const Tear& tear) { return tear.write == index; });
    if (torn == choice.torn.end()) {
      put(served_, write, 0, write.length);
    } else {
      put_torn(write, *torn);
    }
  }
  changed_.insert(touched.begin(), touched.end());
  ImageHash hash = durable_hash_;
  for (const std::uint32_t page : touched) {
    subtract(hash, page_hash(page, durable_.page(page)));
    add(hash, page_hash(page, served_.page(page)));
  }
  return hash;
}

void StateImage::restore() {
  for (const std::uint32_t page : served_.marks()) {
    std::byte* const bytes = served_.page(page).data();
    if (std::memcmp(bytes, durable_.page(page).data(), page_size) == 0) continue;
    std::memcpy(bytes, durable_.page(page).data(), page_size);
    changed_.insert(page);
  }
  served_.clear_marks();
}

void StateImage::publish(int cached) {
  const std::vector<std::uint32_t> marks = served_.marks();
  for (auto first = changed_.begin(); first != changed_.end();) {
    auto end = std::next(first);
    std::uint32_t count = 1;
    // Pages between two that changed are written once more where that saves a request.
    for (; end != changed_.end() && *end <= *first + count + gap_max; ++end) {
      count = *end - *first + 1;
    }
    const auto bytes = std::span(served_.bytes()).subspan(*first * page_size, count * page_size);
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t written = ::pwrite(cached, bytes.data() + done, bytes.size() - done,
                                       static_cast<off_t>(*first * page_size + done));
      if (written < 0 && errno != EINTR) fail_errno("lay a state on the disk");
      if (written > 0) done += static_cast<std::size_t>(written);
    }
    first = end;
  }
  changed_.clear();
  // These writes have marked pages that may already equal the durable ones.
  served_.clear_marks();
  for (const std::uint32_t page : marks) served_.mark(page * page_size, page_size);
}

void StateImage::put(Pages& pages, const Write& write, std::uint64_t from, std::uint64_t length) {
  if (write.kind == Write::Kind::zeros) {
    pages.zero(write.offset + from, length);
  } else {
    pages.write(write.offset + from, recording_.bytes_of(write).subspan(from, length));
  }
}

void StateImage::put_torn(const Write& write, const Tear& tear) {
  const std::uint64_t count = sector_count(write, sector_size_);
  const std::uint64_t first = write.offset / sector_size_;
  for (std::uint64_t index = 0; index < count; ++index) {
    if (!sector_kept(tear, index, count)) continue;
    const std::uint64_t begin = std::max(write.offset, (first + index) * sector_size_);
    const std::uint64_t end =
        std::min(write.offset + write.length, (first + index + 1) * sector_size_);
    put(served_, write, begin - write.offset, end - begin);
  }
}

void StateImage::touch(Touched& touched, const Write& write) const {
  if (write.length == 0) return;
  const std::uint64_t last = (write.offset + write.length - 1) / page_size;
  for (std::uint64_t page = write.offset / page_size; page <= last; ++page) {
    touched.insert(static_cast<std::uint32_t>(page));
  }
}

}  // namespace crashlab
