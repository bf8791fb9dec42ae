// SPDX-License-Identifier: BSL-1.0
// Bytes of formats: numbers and texts one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <perdure/bytes.hpp>

#include "base/little_endian.hpp"

namespace perdure {

class ByteWriter {
 public:
  template <class T>
  void number(T value) {
    raw(little_endian_bytes(value));
  }
  /// Its size in 32 bits, then its bytes.
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    raw(as_bytes(value));
  }
  void raw(Bytes value) { bytes_.insert(bytes_.end(), value.begin(), value.end()); }
  [[nodiscard]] Buffer& bytes() { return bytes_; }

 private:
  Buffer bytes_;
};

/// Reads, and remembers a failure: a caller that read past the end has to check only once, at the
/// end.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    if (rest_.size() < sizeof(T)) {
      failed_ = true;
      return {};
    }
    const T value = from_little_endian<T>(rest_);
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  /// So many bytes, not copied.
  Bytes raw(std::uint64_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const Bytes value = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(value.size());
    return value;
  }
  std::string text(std::size_t size_max) {
    const auto size = number<std::uint32_t>();
    if (size > size_max) failed_ = true;
    return std::string(as_text(raw(size)));
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  Bytes rest_;
  bool failed_ = false;
};

}  // namespace perdure
