// SPDX-License-Identifier: BSL-1.0
// Does a serializer notice damage? Tries each prefix and each flipped bit of valid bytes. To copy
// into the tests of a serializer of your own.
#pragma once

#include <cstddef>
#include <iostream>
#include <string_view>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>

namespace recipes {

namespace pd = perdure;

/// A change that may pass.
enum class Harmless {
  none,        ///< Every change is an error: there is a checksum over all of it.
  same_value,  ///< One that leaves the value as it was.
  same_bytes,  ///< One that makes another value, whose own bytes these are: without a checksum.
};

template <class S, class T>
pd::Buffer bytes_of(const S& serializer, const T& value) {
  pd::Buffer bytes;
  pd::BufferSink sink(bytes);
  if (!serializer.serialize(value, sink)) bytes.clear();
  return bytes;
}

/// An error that a person can act on, as damage and as bytes of something else are told.
inline bool is_clear(const pd::Error& error) {
  const bool kind = error.kind == pd::ErrorKind::corrupt || error.kind == pd::ErrorKind::too_new ||
                    error.kind == pd::ErrorKind::serializer;
  return kind && !error.detail.empty() && error.fate == pd::Fate::unchanged;
}

/// True if the bytes are refused in words, which it prints.
template <class S>
bool is_refused(const S& serializer, pd::Bytes bytes, std::string_view which) {
  const auto read = serializer.deserialize(bytes);
  if (read) return std::cerr << which << " was read\n", false;
  std::cout << which << ": " << read.error() << '\n';
  return is_clear(read.error());
}

template <class S, class T>
class DamageCheck {
 public:
  DamageCheck(const S& serializer, const T& value, Harmless harmless)
      : serializer_(serializer), harmless_(harmless), valid_(bytes_of(serializer, value)) {}

  /// False, and a line to standard error, if damage went unnoticed.
  bool run(std::string_view name) {
    const auto back = serializer_.deserialize(valid_);
    if (!back || bytes_of(serializer_, back.value()) != valid_) return failed(name, "as it was", 0);
    for (std::size_t size = 0; size < valid_.size(); ++size) {
      if (!refused(pd::Bytes(valid_).first(size))) return failed(name, "cut at", size);
    }
    pd::Buffer longer = valid_;
    longer.push_back(std::byte{0});
    if (!refused(longer)) return failed(name, "with a byte behind", valid_.size());
    for (std::size_t bit = 0; bit < valid_.size() * 8; ++bit) {
      pd::Buffer flipped = valid_;
      flipped[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
      if (!refused(flipped) && !passes(flipped)) return failed(name, "flipped at", bit / 8);
    }
    std::cout << name << ": " << valid_.size() << " bytes, all cut ends and "
              << valid_.size() * 8 - passed_ << " of " << valid_.size() * 8
              << " flipped bits refused\n";
    return true;
  }

 private:
  [[nodiscard]] bool refused(pd::Bytes bytes) const {
    const auto read = serializer_.deserialize(bytes);
    return !read && is_clear(read.error());
  }
  bool passes(const pd::Buffer& flipped) {
    const auto read = serializer_.deserialize(flipped);
    if (!read || harmless_ == Harmless::none) return false;
    ++passed_;
    return bytes_of(serializer_, read.value()) ==
           (harmless_ == Harmless::same_value ? valid_ : flipped);
  }
  static bool failed(std::string_view name, std::string_view how, std::size_t at) {
    std::cerr << name << ": wrong or unclear answer to bytes " << how << ' ' << at << '\n';
    return false;
  }

  const S& serializer_;
  Harmless harmless_;
  pd::Buffer valid_;
  std::size_t passed_ = 0;
};

template <class S, class T>
bool notices_damage(std::string_view name, const S& serializer, const T& value, Harmless harmless) {
  return DamageCheck<S, T>(serializer, value, harmless).run(name);
}

}  // namespace recipes
