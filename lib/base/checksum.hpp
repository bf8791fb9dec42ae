// SPDX-License-Identifier: BSL-1.0
// The checksum of stored bytes: XXH3 with 128 bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <perdure/bytes.hpp>

#include "base/internal.hpp"

namespace perdure {

/// XXH3 with 128 bits over bytes that come in pieces. It finds accidents, not attackers: a user who
/// can write the file can write its checksum, too.
class PERDURE_INTERNAL_API Checksum {
 public:
  /// In the canonical order of xxHash: the most significant byte first, as `xxhsum -H128` prints.
  using Digest = std::array<std::byte, 16>;

  /// The digest of bytes that come in one piece. Allocates nothing.
  [[nodiscard]] static Digest of(Bytes bytes) noexcept;
  /// The same with a seed: if the seed is random, only a user who can read it can make such a
  /// digest.
  [[nodiscard]] static Digest of(std::uint64_t seed, Bytes bytes) noexcept;

  Checksum();
  Checksum(const Checksum& other);
  Checksum& operator=(const Checksum&) = delete;
  ~Checksum();

  void update(Bytes bytes);
  [[nodiscard]] Digest digest() const noexcept;
  /// The digest in 32 lower-case digits.
  [[nodiscard]] std::string hexadecimal() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perdure
