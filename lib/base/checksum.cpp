// SPDX-License-Identifier: BSL-1.0
// Computes checksums and writes them as text.
#include "base/checksum.hpp"

#include <bit>
#include <new>
#include <string_view>

#include <xxhash.h>

namespace perdure {

struct Checksum::State {
  State() : xxh(XXH3_createState()) {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
  XXH3_state_t* xxh;
};

namespace {

Checksum::Digest canonical(XXH128_hash_t hash) noexcept {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  static_assert(sizeof(bytes) == sizeof(Checksum::Digest));
  return std::bit_cast<Checksum::Digest>(bytes);
}

}  // namespace

Checksum::Digest Checksum::of(Bytes bytes) noexcept {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

Checksum::Digest Checksum::of(std::uint64_t seed, Bytes bytes) noexcept {
  return canonical(XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
}

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::Checksum(const Checksum& other) : state_(std::make_unique<State>()) {
  XXH3_copyState(state_->xxh, other.state_->xxh);
}
Checksum::~Checksum() = default;

void Checksum::update(Bytes bytes) {
  // The library treats a null pointer as an error, also for no bytes at all.
  if (!bytes.empty()) XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

Checksum::Digest Checksum::digest() const noexcept {
  return canonical(XXH3_128bits_digest(state_->xxh));
}

std::string Checksum::hexadecimal() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : digest()) {
    out += digits[std::to_integer<unsigned>(byte >> 4U)];
    out += digits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return out;
}

}  // namespace perdure
