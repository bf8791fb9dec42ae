// SPDX-License-Identifier: BSL-1.0
// Computes checksums and writes them as text.
#include "base/checksum.hpp"

#include <cstring>
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

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::Checksum(const Checksum& other) : state_(std::make_unique<State>()) {
  XXH3_copyState(state_->xxh, other.state_->xxh);
}
Checksum::~Checksum() = default;

void Checksum::update(Bytes bytes) {
  // The library treats a null pointer as an error, also for no bytes at all.
  if (!bytes.empty()) XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::array<std::byte, 16> Checksum::digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  std::array<std::byte, 16> out{};
  static_assert(sizeof(canonical) == sizeof(out));
  std::memcpy(out.data(), &canonical, sizeof(canonical));
  return out;
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
