// SPDX-License-Identifier: BSL-1.0
// Encodes and decodes the envelope around a format without a stamp.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>

#include <perdure/envelope.hpp>

#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "base/make_error.hpp"

namespace perdure {
namespace {

/// Version 1 has no lineage. A state without a lineage is written in this version, so that older
/// programs can read it.
constexpr std::uint32_t without_lineage = 1;
constexpr std::uint32_t with_lineage = 2;
constexpr std::size_t header_size_min = 64;
constexpr std::size_t header_size_max = 88;
constexpr std::size_t checksum_size = 16;
constexpr std::uint32_t flag_stamped = 1;
/// Not text, and damaged by every program that changes line endings or strips the eighth bit.
constexpr std::array<unsigned char, 8> magic{0x89, 'P', 'R', 'D', '\r', '\n', 0x1a, '\n'};

using Header = std::array<std::byte, header_size_max>;

// Offsets; all numbers are little-endian.
constexpr std::size_t at_version = 8;
constexpr std::size_t at_version_check = 12;
constexpr std::size_t at_flags = 16;
constexpr std::size_t at_schema = 20;
constexpr std::size_t at_generation = 24;
constexpr std::size_t at_time = 32;
constexpr std::size_t at_length = 40;
constexpr std::size_t at_lineage = 48;
constexpr std::size_t at_from = 56;
constexpr std::size_t at_from_generation = 64;

constexpr std::size_t header_size_of(std::uint32_t version) {
  return version == without_lineage ? header_size_min : header_size_max;
}
/// The checksum is the last of the header.
constexpr std::size_t at_checksum(std::uint32_t version) {
  return header_size_of(version) - checksum_size;
}

template <class T>
void put(Header& header, std::size_t at, T value) {
  std::ranges::copy(little_endian_bytes(value), header.begin() + at);
}

template <class T>
T get(Bytes header, std::size_t at) {
  return from_little_endian<T>(header.subspan(at));
}

Error refused(ErrorKind kind, std::string detail) {
  return reading(make_error("open the envelope", {}, kind, std::move(detail)));
}

}  // namespace

Result<void> write_envelope(const EnvelopeHeader& from, Bytes inner, Sink& sink) {
  Header header{};
  std::memcpy(header.data(), magic.data(), magic.size());
  const Lineage& lineage = from.stamp.lineage;
  const std::uint32_t version = lineage.id == 0 ? without_lineage : with_lineage;
  put(header, at_version, version);
  put(header, at_version_check, ~version);
  put(header, at_flags, from.stamped ? flag_stamped : std::uint32_t{0});
  put(header, at_schema, from.stamp.schema_version);
  put(header, at_generation, from.stamp.generation);
  put(header, at_time,
      static_cast<std::uint64_t>(from.stamp.last_updated.time_since_epoch().count()));
  put(header, at_length, std::uint64_t{inner.size()});
  if (version == with_lineage) {
    put(header, at_lineage, lineage.id);
    put(header, at_from, lineage.from);
    put(header, at_from_generation, lineage.from_generation);
  }
  Checksum sum;
  sum.update(Bytes(header).first(at_checksum(version)));
  sum.update(inner);
  std::ranges::copy(sum.digest(), header.begin() + at_checksum(version));
  BOOST_OUTCOME_TRYV(sink.write(Bytes(header).first(header_size_of(version))));
  return sink.write(inner);
}

namespace {

Error cut_short(Bytes bytes, std::size_t header_size) {
  return refused(ErrorKind::corrupt, "it has " + std::to_string(bytes.size()) +
                                         " bytes, fewer than the " + std::to_string(header_size) +
                                         " of the header");
}

/// The version of bytes that begin like an envelope.
Result<std::uint32_t> version_of(Bytes bytes) {
  if (bytes.size() < header_size_min) return cut_short(bytes, header_size_min);
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    return refused(ErrorKind::corrupt, "it does not begin as an envelope does");
  }
  // The header has the version twice, once inverted: a damaged version must not pass for a newer
  // one.
  const auto version = get<std::uint32_t>(bytes, at_version);
  if (get<std::uint32_t>(bytes, at_version_check) != ~version || version == 0) {
    return refused(ErrorKind::corrupt, "the version of the envelope is damaged");
  }
  if (version > with_lineage) {
    return refused(ErrorKind::too_new, "the envelope has format " + std::to_string(version) +
                                           ", and this program knows " +
                                           std::to_string(with_lineage) +
                                           " at most; use the newer program");
  }
  if (bytes.size() < header_size_of(version)) return cut_short(bytes, header_size_of(version));
  return version;
}

}  // namespace

Result<EnvelopeHeader> read_envelope(Bytes bytes, Bytes& inner) {
  BOOST_OUTCOME_TRY(const std::uint32_t version, version_of(bytes));
  const Bytes content = bytes.subspan(header_size_of(version));
  const auto length = get<std::uint64_t>(bytes, at_length);
  if (length != content.size()) {
    return refused(ErrorKind::corrupt, "it has " + std::to_string(content.size()) +
                                           " bytes of content instead of " +
                                           std::to_string(length));
  }
  Checksum sum;
  sum.update(bytes.first(at_checksum(version)));
  sum.update(content);
  if (!std::ranges::equal(sum.digest(), bytes.subspan(at_checksum(version), checksum_size))) {
    return refused(ErrorKind::corrupt, "the checksum does not match");
  }
  const auto flags = get<std::uint32_t>(bytes, at_flags);
  if ((flags & ~flag_stamped) != 0) {
    return refused(ErrorKind::too_new, "the envelope uses what this program does not know");
  }
  EnvelopeHeader out;
  out.stamped = (flags & flag_stamped) != 0;
  out.stamp.schema_version = get<std::uint32_t>(bytes, at_schema);
  out.stamp.generation = get<std::uint64_t>(bytes, at_generation);
  out.stamp.last_updated = StampTime(
      std::chrono::nanoseconds(static_cast<std::int64_t>(get<std::uint64_t>(bytes, at_time))));
  if (version == with_lineage) {
    out.stamp.lineage = {.id = get<std::uint64_t>(bytes, at_lineage),
                         .from = get<std::uint64_t>(bytes, at_from),
                         .from_generation = get<std::uint64_t>(bytes, at_from_generation)};
    if (out.stamp.lineage.id == 0) {
      return refused(ErrorKind::corrupt, "it has a lineage, and that is 0");
    }
  }
  inner = content;
  return out;
}

std::uint64_t claimed_generation(Bytes bytes) noexcept {
  const bool begins =
      bytes.size() >= header_size_min && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  return begins ? get<std::uint64_t>(bytes, at_generation) : 0;
}

}  // namespace perdure
