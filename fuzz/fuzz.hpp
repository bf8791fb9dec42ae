// SPDX-License-Identifier: BSL-1.0
// The common part of the fuzz targets. A target defines LLVMFuzzerTestOneInput and nothing else:
// libFuzzer calls it with what it makes up, replay.cpp with the files of the corpus.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>

#include "base/little_endian.hpp"

namespace perdure::fuzz {

/// A finding, unless it holds. The words name the promise that was broken.
inline void require(bool holds, std::string_view words) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(words.size()), words.data());
  std::abort();
}

/// The same of what must succeed.
template <class T>
void require_done(const Result<T>& result, const std::string& words) {
  if (!result) require(false, words + ": " + result.error().message());
}

/// The input as a row of small decisions. Behind its end there are zeros, so that every input
/// decodes to something and its beginning says the most.
class InputBytes {
 public:
  InputBytes(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const std::byte*>(data), size) {}
  explicit InputBytes(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// A number of so many bytes, little-endian.
  template <class T = std::uint8_t>
  T number() {
    std::array<std::byte, sizeof(T)> taken{};
    std::ranges::copy(bytes(sizeof(T)), taken.begin());
    return from_little_endian<T>(taken);
  }
  /// One of 0 to `count` - 1.
  std::size_t below(std::size_t count) {
    return (count > 256 ? number<std::uint16_t>() : number<std::uint8_t>()) % count;
  }
  bool flag() { return below(2) != 0; }
  template <class Container>
  const auto& one_of(const Container& choices) {
    return *(std::begin(choices) + static_cast<std::ptrdiff_t>(below(std::size(choices))));
  }
  Bytes bytes(std::size_t size) {
    const Bytes taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string_view text(std::size_t size) { return as_text(bytes(size)); }
  [[nodiscard]] Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
